"""What one would write by hand: a FastAPI application that does the same job. BENCH_FAMILY and BENCH_MODEL say what it serves."""
import os

import numpy
from fastapi import FastAPI, Request
from fastapi.responses import ORJSONResponse

from frameworks import load

predict = load(os.environ["BENCH_FAMILY"], os.environ["BENCH_MODEL"])
app = FastAPI()


@app.post("/v2/models/svc/infer")
async def infer(request: Request):
    (tensor,) = (await request.json())["inputs"]
    table = numpy.array(tensor["data"], "f4" if tensor["datatype"] == "FP32" else "f8").reshape(tensor["shape"])
    values = predict(table)
    output = {"name": "predict", "datatype": "FP64", "shape": list(values.shape), "data": values.ravel().tolist()}
    return ORJSONResponse({"model_name": "svc", "outputs": [output]})
