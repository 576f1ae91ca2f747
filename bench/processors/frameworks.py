"""The frameworks without any server: loads a model, and run alone says how long that takes: python frameworks.py <family> <model>"""
import sys


def load(family, path):
    """A function from a table to predictions."""
    if family == "xgboost":
        import xgboost

        booster = xgboost.Booster()
        booster.load_model(path)
        return booster.inplace_predict
    if family == "lightgbm":
        import lightgbm

        return lightgbm.Booster(model_file=path).predict
    import joblib

    return joblib.load(path).predict


if __name__ == "__main__":
    load(sys.argv[1], sys.argv[2])
