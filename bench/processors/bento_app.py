"""The same job as a BentoML service. BENCH_FAMILY and BENCH_MODEL say what it serves."""
import os

import bentoml
import numpy

from frameworks import load


@bentoml.service(workers=1)
class Svc:
    def __init__(self):
        self.predict = load(os.environ["BENCH_FAMILY"], os.environ["BENCH_MODEL"])

    @bentoml.api(route="/v2/models/svc/infer")
    def infer(self, inputs: list[dict]) -> dict:
        (tensor,) = inputs
        table = numpy.array(tensor["data"], "f4" if tensor["datatype"] == "FP32" else "f8").reshape(tensor["shape"])
        values = self.predict(table)
        output = {"name": "predict", "datatype": "FP64", "shape": list(values.shape), "data": values.ravel().tolist()}
        return {"model_name": "svc", "outputs": [output]}
