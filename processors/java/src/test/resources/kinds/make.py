"""Makes the PMML documents of this folder, one or two for each kind of model, and cases.json: rows, and the answers that they must get.

    python -m venv /tmp/models && /tmp/models/bin/pip install -r ../../../../../../examples/pmml-models/requirements.txt
    /tmp/models/bin/python make.py

The answers are those of scikit-learn where it has the kind, else computed here by numpy from the definitions in PMML 4.4.1; never by
PMML4S. Output fields that begin with `p_` are probabilities.
"""
import json
import math
import pathlib
import sys
from xml.sax.saxutils import quoteattr

import numpy
from sklearn.datasets import load_diabetes, load_iris
from sklearn.ensemble import IsolationForest, RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, PoissonRegressor
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.svm import SVC, SVR, LinearSVC, OneClassSVM

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[5] / "examples" / "pmml-models"))
import pmml  # noqa: E402

SEED = 7
NAMES = ["sepal_length", "sepal_width", "petal_length", "petal_width"]
IRIS = load_iris()
CLASSES = [str(name) for name in IRIS.target_names]
IS_HELD = numpy.arange(150) % 19 == 0
X, Y, HELD = IRIS.data[~IS_HELD], IRIS.target[~IS_HELD], IRIS.data[IS_HELD]
MEASURES = [(name, "continuous", "double", ()) for name in NAMES]
SPECIES = ("species", "categorical", "string", CLASSES)
WIDTH = ("width", "continuous", "double", ())


def rows_of(values, names=NAMES):
    return [{name: float(value) for name, value in zip(names, row)} for row in values]


def named(name, values):
    return [{name: value if isinstance(value, str) else float(value)} for value in values]


def output(*fields):
    """Each as the attributes of an OutputField."""
    return "<Output>" + "".join(f"<OutputField {field}/>" for field in fields) + "</Output>"


NUMBER = 'optype="continuous" dataType="double"'
TEXT = 'optype="categorical" dataType="string"'
LABEL = f'name="label" {TEXT} feature="predictedValue"'
VALUE = f'name="value" {NUMBER} feature="predictedValue"'


def shares(classes):
    return [f'name="p_{c}" {NUMBER} feature="probability" value="{c}"' for c in classes]


def labelled(labels, probabilities):
    return [{"label": l, **{f"p_{c}": float(p) for c, p in zip(CLASSES, row)}} for l, row in zip(labels, probabilities)]


# --- support vector machines


def vectors(x):
    fields = "".join(f'<FieldRef field="{name}"/>' for name in NAMES[: x.shape[1]])
    instances = ""
    for i, row in enumerate(x):
        numbers = " ".join(repr(float(v)) for v in row)
        instances += f'<VectorInstance id="v{i}"><Array type="real" n="{len(row)}">{numbers}</Array></VectorInstance>\n'
    return f'<VectorDictionary numberOfVectors="{len(x)}"><VectorFields numberOfFields="{x.shape[1]}">{fields}</VectorFields>\n{instances}</VectorDictionary>\n'


def machine(ids, weights, intercept, attributes=""):
    used = "".join(f'<SupportVector vectorId="v{i}"/>' for i in ids)
    numbers = "".join(f'<Coefficient value="{float(w)!r}"/>' for w in weights)
    return f"""<SupportVectorMachine {attributes}><SupportVectors numberOfSupportVectors="{len(ids)}">{used}</SupportVectors>
<Coefficients numberOfCoefficients="{len(ids)}" absoluteValue="{float(intercept)!r}">{numbers}</Coefficients></SupportVectorMachine>
"""


def svm_classes():
    """Three classes, each against each, by a radial kernel."""
    model = SVC(kernel="rbf", gamma=0.4, C=2.0).fit(X, Y)
    starts = numpy.concatenate(([0], numpy.cumsum(model.n_support_)))
    machines, pair = "", 0
    for i in range(3):
        for j in range(i + 1, 3):
            of_i, of_j = range(starts[i], starts[i + 1]), range(starts[j], starts[j + 1])
            weights = [model.dual_coef_[j - 1, k] for k in of_i] + [model.dual_coef_[i, k] for k in of_j]
            names = f'targetCategory="{CLASSES[i]}" alternateTargetCategory="{CLASSES[j]}"'
            machines += machine([*of_i, *of_j], weights, model.intercept_[pair], names)
            pair += 1
    text = f"""<SupportVectorMachineModel functionName="classification" classificationMethod="OneAgainstOne" maxWins="true" threshold="0">
{pmml.schema(NAMES, "species")}{output(LABEL)}<RadialBasisKernelType gamma="0.4"/>{vectors(model.support_vectors_)}{machines}</SupportVectorMachineModel>"""
    return [*MEASURES, SPECIES], text, rows_of(HELD), named("label", [CLASSES[i] for i in model.predict(HELD)])


def svm_hyperplanes():
    """Three classes, each against the rest, by the coefficients of their hyperplanes; the largest value wins."""
    model = LinearSVC(C=1.0, random_state=SEED, max_iter=100_000).fit(X, Y)
    machines = ""
    for name, weights, intercept in zip(CLASSES, model.coef_, model.intercept_):
        numbers = "".join(f'<Coefficient value="{float(w)!r}"/>' for w in weights)
        machines += f'<SupportVectorMachine targetCategory="{name}"><Coefficients absoluteValue="{float(intercept)!r}">{numbers}</Coefficients></SupportVectorMachine>\n'
    text = f"""<SupportVectorMachineModel functionName="classification" classificationMethod="OneAgainstAll" maxWins="true" svmRepresentation="Coefficients">
{pmml.schema(NAMES, "species")}{output(LABEL)}<LinearKernelType/>{vectors(X[:1])}{machines}</SupportVectorMachineModel>"""
    return [*MEASURES, SPECIES], text, rows_of(HELD), named("label", [CLASSES[i] for i in model.predict(HELD)])


def svm_value():
    """The width of a petal from three other measurements, by a polynomial kernel."""
    model = SVR(kernel="poly", degree=2, gamma=0.3, coef0=1.0).fit(X[:, :3], X[:, 3])
    text = f"""<SupportVectorMachineModel functionName="regression">
{pmml.schema(NAMES[:3], "width")}{output(VALUE)}<PolynomialKernelType gamma="0.3" coef0="1" degree="2"/>{vectors(model.support_vectors_)}
{machine(range(len(model.support_vectors_)), model.dual_coef_[0], model.intercept_[0])}</SupportVectorMachineModel>"""
    return [*MEASURES[:3], WIDTH], text, rows_of(HELD[:, :3]), named("value", model.predict(HELD[:, :3]))


# --- naive Bayes


def naive_bayes():
    """A normal distribution for one field, counts for another, of which one is 0; the second and third row leave a field out."""
    colours = numpy.array(["red", "green", "blue"])
    column = colours[(X[:, 1] > 2.8).astype(int) + (X[:, 1] > 3.3)]
    threshold, length = 0.001, X[:, 2]
    stats, pairs, totals = "", "", ""
    means, variances, counts, sizes = [], [], [], []
    for k, name in enumerate(CLASSES):
        of_class = Y == k
        means.append(float(length[of_class].mean()))
        variances.append(float(length[of_class].var()))
        counts.append([int(((column == c) & of_class).sum()) for c in colours])
        sizes.append(int(of_class.sum()))
        stats += f'<TargetValueStat value="{name}"><GaussianDistribution mean="{means[k]!r}" variance="{variances[k]!r}"/></TargetValueStat>'
        totals += f'<TargetValueCount value="{name}" count="{sizes[k]}"/>'
    counts[0][0] = 0
    for i, colour in enumerate(colours):
        inside = "".join(f'<TargetValueCount value="{n}" count="{counts[k][i]}"/>' for k, n in enumerate(CLASSES))
        pairs += f'<PairCounts value="{colour}"><TargetValueCounts>{inside}</TargetValueCounts></PairCounts>\n'
    text = f"""<NaiveBayesModel functionName="classification" threshold="{threshold}">
{pmml.schema(["colour", "petal_length"], "species")}{output(LABEL, *shares(CLASSES))}<BayesInputs>
<BayesInput fieldName="colour">{pairs}</BayesInput><BayesInput fieldName="petal_length"><TargetValueStats>{stats}</TargetValueStats></BayesInput>
</BayesInputs><BayesOutput fieldName="species"><TargetValueCounts>{totals}</TargetValueCounts></BayesOutput></NaiveBayesModel>"""
    rows = [
        {"colour": "red", "petal_length": 1.6},
        {"petal_length": 4.6},
        {"colour": "green"},
        {"colour": "blue", "petal_length": 5.1},
    ]
    probabilities = []
    for row in rows:
        likelihood = numpy.array(sizes, float)
        for k in range(3):
            if "colour" in row:
                count = counts[k][list(colours).index(row["colour"])]
                likelihood[k] *= count / sum(counts[k]) if count else threshold
            if "petal_length" in row:
                away = row["petal_length"] - means[k]
                density = math.exp(-away * away / (2 * variances[k])) / math.sqrt(2 * math.pi * variances[k])
                likelihood[k] *= max(density, threshold)
        probabilities.append(likelihood / likelihood.sum())
    fields = [("colour", "categorical", "string", colours), ("petal_length", "continuous", "double", ()), SPECIES]
    return fields, text, rows, labelled([CLASSES[int(p.argmax())] for p in probabilities], probabilities)


# --- nearest neighbours


def neighbours(model, target, attributes, outputs):
    table = ""
    for i, (row, wanted) in enumerate(zip(X, model)):
        cells = "".join(f"<c{j}>{float(v)!r}</c{j}>" for j, v in enumerate(row[:4]))
        table += f"<row><id>{i}</id>{cells}<y>{wanted}</y></row>\n"
    used = NAMES if target == "species" else NAMES[:3]
    columns = "".join(f'<InstanceField field="{n}" column="c{j}"/>' for j, n in enumerate(used))
    inputs = "".join(f'<KNNInput field="{n}" compareFunction="absDiff"/>' for n in used)
    return f"""<NearestNeighborModel numberOfNeighbors="5" {attributes}>
{pmml.schema(used, target)}{output(*outputs)}<TrainingInstances recordCount="{len(X)}" fieldCount="{len(used) + 1}" isTransformed="true">
<InstanceFields>{columns}<InstanceField field="{target}" column="y"/></InstanceFields>
<InlineTable>{table}</InlineTable></TrainingInstances><ComparisonMeasure kind="distance"><euclidean/></ComparisonMeasure>
<KNNInputs>{inputs}</KNNInputs></NearestNeighborModel>"""


def neighbour_classes():
    """The majority of five, and the nearest of them."""
    model = KNeighborsClassifier(5, algorithm="brute").fit(X, Y)
    outputs = [LABEL, f'name="nearest" {TEXT} feature="entityId" rank="1"']
    text = neighbours([CLASSES[i] for i in Y], "species", 'functionName="classification" categoricalScoringMethod="majorityVote"', outputs)
    nearest = model.kneighbors(HELD, 1, return_distance=False)[:, 0]
    labels = [CLASSES[i] for i in model.predict(HELD)]
    return [*MEASURES, SPECIES], text, rows_of(HELD), [{"label": l, "nearest": str(n + 1)} for l, n in zip(labels, nearest)]


def neighbour_mean():
    """The mean of five."""
    model = KNeighborsRegressor(5, algorithm="brute").fit(X[:, :3], X[:, 3])
    text = neighbours(X[:, 3], "width", 'functionName="regression" continuousScoringMethod="average"', [VALUE])
    held = HELD[:, :3] + 0.001 * numpy.arange(3)  # no two neighbours are equally far
    return [*MEASURES[:3], WIDTH], text, rows_of(held), named("value", model.predict(held))


def neighbour_weighted():
    """The mean of five, weighted by their closeness."""
    model = KNeighborsRegressor(5, algorithm="brute", weights=lambda d: 1 / (d + 0.001)).fit(X[:, :3], X[:, 3])
    text = neighbours(X[:, 3], "width", 'functionName="regression" continuousScoringMethod="weightedAverage" threshold="0.001"', [VALUE])
    held = HELD[:, :3] + 0.001 * numpy.arange(3)
    return [*MEASURES[:3], WIDTH], text, rows_of(held), named("value", model.predict(held))


# --- general regression


def general(model_type, attributes, target, outputs, beta, function, extra="", lists=None):
    """`beta`: (parameter, class or None, value); a parameter `name` or `name=value` of a field, or `p0`."""
    parameters = list(dict.fromkeys(p for p, _, _ in beta))
    covariates = [n for n in NAMES if n in parameters]
    cells = "".join(f'<PPCell value="1" predictorName="{p}" parameterName="{p}"/>' for p in covariates)
    factors = [p for p in parameters if "=" in p]
    cells += "".join(f'<PPCell value="{p.split("=")[1]}" predictorName="{p.split("=")[0]}" parameterName="{p}"/>' for p in factors)
    factor_names = list(dict.fromkeys(p.split("=")[0] for p in factors))
    numbers = ""
    for p, category, value in beta:
        wanted = "" if category is None else f' targetCategory="{category}"'
        numbers += f'<PCell parameterName="{p}"{wanted} beta="{float(value)!r}" df="1"/>'
    names = lists or [*covariates, *factor_names]
    return f"""<GeneralRegressionModel modelType="{model_type}" functionName="{function}" {attributes}>
{pmml.schema(names, target)}{output(*outputs)}<ParameterList>{"".join(f'<Parameter name="{p}"/>' for p in parameters)}</ParameterList>
<FactorList>{"".join(f'<Predictor name="{n}"/>' for n in factor_names)}</FactorList>
<CovariateList>{"".join(f'<Predictor name="{n}"/>' for n in covariates)}</CovariateList>
<PPMatrix>{cells}</PPMatrix>{extra}<ParamMatrix>{numbers}</ParamMatrix></GeneralRegressionModel>"""


def general_multinomial():
    """Three classes by logistic regression."""
    model = LogisticRegression(C=1.0, max_iter=5000).fit(X, Y)
    beta = []
    for k in range(2):  # against the last class
        beta.append(("p0", CLASSES[k], model.intercept_[k] - model.intercept_[2]))
        beta += [(n, CLASSES[k], model.coef_[k, j] - model.coef_[2, j]) for j, n in enumerate(NAMES)]
    text = general("multinomialLogistic", f'targetReferenceCategory="{CLASSES[2]}"', "species", [LABEL, *shares(CLASSES)], beta, "classification")
    probabilities = model.predict_proba(HELD)
    return [*MEASURES, SPECIES], text, rows_of(HELD), labelled([CLASSES[i] for i in probabilities.argmax(axis=1)], probabilities)


def general_poisson():
    """A count, by its logarithm: a factor and a measurement."""
    count = numpy.rint(X[:, 3] * 10)
    colours = (X[:, 1] > 3).astype(float)
    model = PoissonRegressor(alpha=0.01, max_iter=1000).fit(numpy.column_stack([X[:, 2], colours]), count)
    beta = [("p0", None, model.intercept_), ("petal_length", None, model.coef_[0]), ("colour=blue", None, model.coef_[1])]
    text = general("generalizedLinear", 'linkFunction="log" distribution="poisson"', "width", [VALUE], beta, "regression")
    rows = [{"petal_length": float(v), "colour": c} for v, c in zip(HELD[:, 2], ["red", "blue"] * 4)]
    values = model.predict(numpy.array([[r["petal_length"], float(r["colour"] == "blue")] for r in rows]))
    fields = [("petal_length", "continuous", "double", ()), ("colour", "categorical", "string", ("red", "blue")), WIDTH]
    return fields, text, rows, named("value", values)


def general_ordinal():
    """Three classes in an order: cumulative logits."""
    cuts, slope = (2.5, 7.5), -1.4
    beta = [("p0", CLASSES[0], cuts[0]), ("p0", CLASSES[1], cuts[1]), ("petal_length", None, slope)]
    text = general("ordinalMultinomial", 'cumulativeLink="logit"', "species", [LABEL, *shares(CLASSES)], beta, "classification")
    rows = [{"petal_length": v} for v in (0.5, 1.6, 3.3, 4.4, 5.6, 6.9)]
    probabilities = []
    for row in rows:
        below = [1 / (1 + math.exp(-(cut + slope * row["petal_length"]))) for cut in cuts]
        probabilities.append(numpy.diff([0.0, *below, 1.0]))
    fields = [("petal_length", "continuous", "double", ()), ("species", "ordinal", "string", CLASSES)]
    return fields, text, rows, labelled([CLASSES[int(p.argmax())] for p in probabilities], probabilities)


def general_logit():
    """Two classes, by a generalized linear model with the logit of the binomial distribution."""
    x, y = X[Y > 0], Y[Y > 0]
    model = LogisticRegression(C=1.0, max_iter=5000).fit(x[:, 2:], y)
    beta = [("p0", "yes", model.intercept_[0]), *(("petal_" + n, "yes", v) for n, v in zip(("length", "width"), model.coef_[0]))]
    text = general("generalizedLinear", 'linkFunction="logit" distribution="binomial"', "late", [LABEL, *shares(("no", "yes"))], beta, "classification")
    probabilities = model.predict_proba(HELD[:, 2:])
    expected = [{"label": "yes" if p[1] > 0.5 else "no", "p_no": float(p[0]), "p_yes": float(p[1])} for p in probabilities]
    return [*MEASURES[2:], ("late", "categorical", "string", ("no", "yes"))], text, rows_of(HELD[:, 2:], NAMES[2:]), expected


def general_cox():
    """Survival by proportional hazards, at three times."""
    hazards, slope, mean = ((1.0, 0.1), (2.0, 0.25), (3.0, 0.5), (4.0, 0.9)), 0.6, 1.5
    table = "".join(f'<BaselineCell time="{t}" cumHazard="{h}"/>' for t, h in hazards)
    attributes = 'endTimeVariable="time"'
    beta = [("petal_length", None, slope)]
    text = general("CoxRegression", attributes, "survival", [VALUE], beta, "regression", "", ["petal_length", "time"])
    text = text.replace('<Parameter name="petal_length"/>', f'<Parameter name="petal_length" referencePoint="{mean}"/>')
    text = text.replace("</ParamMatrix>", f'</ParamMatrix><BaseCumHazardTables maxTime="4">{table}</BaseCumHazardTables>')
    rows = [{"petal_length": v, "time": t} for v, t in ((1.5, 1.0), (2.5, 2.5), (1.0, 3.0), (3.0, 4.0))]
    expected = []
    for row in rows:
        base = [h for t, h in hazards if t <= row["time"]][-1]
        expected.append(math.exp(-base * math.exp(slope * (row["petal_length"] - mean))))
    fields = [("petal_length", "continuous", "double", ()), ("time", "continuous", "double", ()), ("survival", "continuous", "double", ())]
    return fields, text, rows, named("value", expected)


# --- rules


def rule_set(criterion):
    def rule(name, score, weight, confidence, field, operator, value):
        return f"""<SimpleRule id="{name}" score="{score}" weight="{weight}" confidence="{confidence}">
<SimplePredicate field="{field}" operator="{operator}" value="{value}"/></SimpleRule>"""

    rules = [
        ("a", CLASSES[0], 0.9, 0.95, "petal_length", "lessThan", 2.5),
        ("b", CLASSES[1], 0.4, 0.8, "petal_length", "lessThan", 5),
        ("c", CLASSES[1], 0.35, 0.7, "petal_width", "lessThan", 1.7),
        ("d", CLASSES[2], 0.6, 0.9, "petal_width", "greaterOrEqual", 1.5),
    ]
    text = f"""<RuleSetModel functionName="classification">{pmml.schema(NAMES[2:], "species")}
{output(LABEL, f'name="confidence" {NUMBER} feature="confidence"')}<RuleSet defaultScore="{CLASSES[2]}" defaultConfidence="0.1">
<RuleSelectionMethod criterion="{criterion}"/>{"".join(rule(*r) for r in rules)}</RuleSet></RuleSetModel>"""
    rows = [{"petal_length": a, "petal_width": b} for a, b in ((1.0, 0.2), (4.0, 1.6), (4.9, 2.0), (6.0, 1.0), (6.0, 2.0))]
    expected = []
    for row in rows:
        fired = [r for r in rules if (row[r[4]] >= r[6] if r[5] == "greaterOrEqual" else row[r[4]] < r[6])]
        if criterion == "firstHit":
            answer = (fired[0][1], fired[0][3])
        elif criterion == "weightedMax":
            best = max(fired, key=lambda r: r[2])
            answer = (best[1], best[3])
        else:
            sums = {name: sum(r[2] for r in fired if r[1] == name) for name in CLASSES}
            best = max(sums, key=lambda name: sums[name])
            answer = (best, sums[best] / len(fired))
        expected.append({"label": answer[0], "confidence": answer[1]})
    return [*MEASURES[2:], SPECIES], text, rows, expected


def rules_first_hit():
    return rule_set("firstHit")


def rules_weighted_sum():
    return rule_set("weightedSum")


def rules_weighted_max():
    return rule_set("weightedMax")


# --- anomalies


def anomaly_forest():
    """An isolation forest; the last row is far from all others."""
    model = IsolationForest(n_estimators=15, max_samples=64, random_state=SEED).fit(X)
    segments = ""
    for i, (tree, columns) in enumerate(zip(model.estimators_, model.estimators_features_), 1):
        names = [NAMES[c] for c in columns]
        depths = tree.tree_.compute_node_depths() - 1

        def describe(at, tree=tree.tree_, depths=depths):
            n = tree.n_node_samples[at]
            rest = 0 if n <= 1 else 1 if n == 2 else 2 * (math.log(n - 1) + numpy.euler_gamma) - 2 * (n - 1) / n
            return repr(float(depths[at] + rest)), ""

        nodes = pmml._nodes(tree.tree_, names, 0, "<True/>", describe, 2)
        segments += f'<Segment id="{i}"><True/><TreeModel functionName="regression" splitCharacteristic="binarySplit">{pmml.schema(names)}{nodes}</TreeModel></Segment>\n'
    text = f"""<AnomalyDetectionModel functionName="regression" algorithmType="iforest" sampleDataSize="64">{pmml.schema(NAMES)}
{output(f'name="score" {NUMBER} feature="predictedValue"')}<MiningModel functionName="regression">{pmml.schema(NAMES)}{output(f'name="depth" {NUMBER} feature="predictedValue"')}
<Segmentation multipleModelMethod="average">{segments}</Segmentation></MiningModel></AnomalyDetectionModel>"""
    held = numpy.vstack([HELD, [[9, 1, 9, 9]]])
    return MEASURES, text, rows_of(held), named("score", -model.score_samples(held))


def anomaly_one_class():
    """A support vector machine of one class."""
    model = OneClassSVM(gamma=0.2, nu=0.1).fit(X)
    inner = f"""<SupportVectorMachineModel functionName="regression">{pmml.schema(NAMES)}{output(f'name="distance" {NUMBER} feature="predictedValue"')}<RadialBasisKernelType gamma="0.2"/>{vectors(model.support_vectors_)}
{machine(range(len(model.support_vectors_)), model.dual_coef_[0], model.intercept_[0])}</SupportVectorMachineModel>"""
    text = f"""<AnomalyDetectionModel functionName="regression" algorithmType="ocsvm">{pmml.schema(NAMES)}
{output(f'name="score" {NUMBER} feature="predictedValue"')}{inner}</AnomalyDetectionModel>"""
    held = numpy.vstack([HELD, [[9, 1, 9, 9]]])
    return MEASURES, text, rows_of(held), named("score", model.decision_function(held))


# --- associations

BASKET = ["beer", "bread", "butter", "milk"]
RULES = [(("bread",), ("butter",), 0.3, 0.6), (("bread", "milk"), ("butter",), 0.2, 0.9), (("butter",), ("milk",), 0.25, 0.7), (("beer",), ("bread",), 0.1, 0.4)]


def associations():
    """What is bought with what, one true or false for each thing; the best two rules by confidence."""
    items = "".join(f'<Item id="{i}" value="{name}"/>' for i, name in enumerate(BASKET))
    sets = list(dict.fromkeys(s for a, c, _, _ in RULES for s in (a, c)))
    refs = "".join(
        f'<Itemset id="s{i}" numberOfItems="{len(s)}">' + "".join(f'<ItemRef itemRef="{BASKET.index(n)}"/>' for n in s) + "</Itemset>"
        for i, s in enumerate(sets)
    )
    rules = "".join(
        f'<AssociationRule id="r{i}" antecedent="s{sets.index(a)}" consequent="s{sets.index(c)}" support="{s}" confidence="{p}"/>'
        for i, (a, c, s, p) in enumerate(RULES)
    )
    basis = 'algorithm="recommendation" rankBasis="confidence" rankOrder="descending"'
    outputs = [
        f'name="rule_{rank}" {TEXT} feature="ruleId" rank="{rank}" {basis}' for rank in (1, 2)
    ]
    outputs.append(f'name="confidence_1" {NUMBER} feature="confidence" rank="1" {basis}')
    text = f"""<AssociationModel functionName="associationRules" numberOfTransactions="100" numberOfItems="4" minimumSupport="0.1" minimumConfidence="0.4" numberOfItemsets="{len(sets)}" numberOfRules="{len(RULES)}">
{pmml.schema(BASKET)}{output(*outputs)}{items}{refs}{rules}</AssociationModel>"""
    rows, expected = [], []
    for bought in (("bread", "milk"), ("bread",), ("beer", "bread", "butter"), ("beer",), ("milk",)):
        rows.append({name: name in bought for name in BASKET})
        fired = [(p, f"r{i}") for i, (a, _, _, p) in enumerate(RULES) if set(a) <= set(bought)]
        fired.sort(reverse=True)
        expected.append({
            "rule_1": fired[0][1] if fired else None,
            "rule_2": fired[1][1] if len(fired) > 1 else None,
            "confidence_1": fired[0][0] if fired else None,
        })
    return [(name, "categorical", "boolean", ()) for name in BASKET], text, rows, expected


# --- several models in one


def forest_segments(model):
    segments = ""
    for i, tree in enumerate(model.estimators_, 1):

        def describe(at, tree=tree.tree_):
            part = tree.value[at][0] / tree.value[at][0].sum()
            inside = "".join(f'<ScoreDistribution value="{c}" recordCount="{float(p)!r}"/>' for c, p in zip(CLASSES, part))
            return CLASSES[int(part.argmax())], inside

        nodes = pmml._nodes(tree.tree_, NAMES, 0, "<True/>", describe, 2)
        segments += f'<Segment id="{i}" weight="{i}"><True/><TreeModel functionName="classification" splitCharacteristic="binarySplit">{pmml.schema(NAMES, "species")}{nodes}</TreeModel></Segment>\n'
    return segments


def forest(method, outputs=(LABEL,)):
    model = RandomForestClassifier(5, max_depth=3, random_state=SEED).fit(X, Y)
    text = f"""<MiningModel functionName="classification">{pmml.schema(NAMES, "species")}{output(*outputs)}
<Segmentation multipleModelMethod="{method}">{forest_segments(model)}</Segmentation></MiningModel>"""
    return model, text


def mining_average():
    """A random forest: the mean of the probabilities of its trees."""
    model, text = forest("average", (LABEL, *shares(CLASSES)))
    probabilities = model.predict_proba(HELD)
    return [*MEASURES, SPECIES], text, rows_of(HELD), labelled([CLASSES[i] for i in probabilities.argmax(axis=1)], probabilities)


def mining_majority():
    """The same forest: one vote for each tree, and those of later ones count more."""
    model, text = forest("weightedMajorityVote")
    votes = numpy.zeros((len(HELD), 3))
    for i, tree in enumerate(model.estimators_, 1):
        votes[numpy.arange(len(HELD)), tree.predict(HELD).astype(int)] += i / 15
    return [*MEASURES, SPECIES], text, rows_of(HELD), named("label", [CLASSES[i] for i in votes.argmax(axis=1)])


def mining_stacking():
    """A line, a machine, and a line over what both say; which of two second models is used depends on a field."""
    first = LinearRegression().fit(X[:, :2], X[:, 3])
    second = SVR(kernel="rbf", gamma=0.5).fit(X[:, :3], X[:, 3])

    def line(names, intercept, weights, outputs=""):
        terms = "".join(f'<NumericPredictor name="{n}" coefficient="{float(w)!r}"/>' for n, w in zip(names, weights))
        return f'<RegressionModel functionName="regression">{pmml.schema(names, "width")}{outputs}<RegressionTable intercept="{float(intercept)!r}">{terms}</RegressionTable></RegressionModel>'

    def told(name):
        return output(f'name="{name}" {NUMBER} feature="predictedValue"')

    vector = f"""<SupportVectorMachineModel functionName="regression">{pmml.schema(NAMES[:3], "width")}{told("b")}<RadialBasisKernelType gamma="0.5"/>{vectors(second.support_vectors_)}
{machine(range(len(second.support_vectors_)), second.dual_coef_[0], second.intercept_[0])}</SupportVectorMachineModel>"""
    choice = f"""<MiningModel functionName="regression">{pmml.schema([*NAMES[:3], "a", "b"], "width")}<Segmentation multipleModelMethod="selectFirst">
<Segment id="short"><SimplePredicate field="petal_length" operator="lessThan" value="2.5"/>{line(["a", "b"], 0.1, (0.5, 0.5))}</Segment>
<Segment id="long"><True/>{line(["a", "b"], -0.2, (0.25, 0.8))}</Segment></Segmentation></MiningModel>"""
    text = f"""<MiningModel functionName="regression">{pmml.schema(NAMES[:3], "width")}{output(VALUE)}
<Segmentation multipleModelMethod="modelChain"><Segment id="1"><True/>{line(NAMES[:2], first.intercept_, first.coef_, told("a"))}</Segment>
<Segment id="2"><True/>{vector}</Segment><Segment id="3"><True/>{choice}</Segment></Segmentation></MiningModel>"""
    a, b = first.predict(HELD[:, :2]), second.predict(HELD[:, :3])
    values = numpy.where(HELD[:, 2] < 2.5, 0.1 + 0.5 * a + 0.5 * b, -0.2 + 0.25 * a + 0.8 * b)
    return [*MEASURES[:3], WIDTH], text, rows_of(HELD[:, :3]), named("value", values)


# --- what stands around a model


def transformations():
    """Every sort of derived field, a function of the document's own, rescaled targets, and outputs computed from the prediction."""
    derived = f"""<TransformationDictionary>
<DefineFunction name="cube" optype="continuous" dataType="double"><ParameterField name="v" dataType="double"/><Apply function="pow"><FieldRef field="v"/><Constant dataType="double">3</Constant></Apply></DefineFunction>
<DerivedField name="scaled" {NUMBER}><NormContinuous field="petal_length" outliers="asExtremeValues"><LinearNorm orig="1" norm="0"/><LinearNorm orig="3" norm="0.5"/><LinearNorm orig="7" norm="1"/></NormContinuous></DerivedField>
<DerivedField name="is_blue" {NUMBER}><NormDiscrete field="colour" value="blue"/></DerivedField>
<DerivedField name="bin" {TEXT}><Discretize field="petal_length" defaultValue="high"><DiscretizeBin binValue="low"><Interval closure="closedOpen" leftMargin="0" rightMargin="2"/></DiscretizeBin><DiscretizeBin binValue="middle"><Interval closure="closedOpen" leftMargin="2" rightMargin="5"/></DiscretizeBin></Discretize></DerivedField>
<DerivedField name="price" {NUMBER}><MapValues outputColumn="price" dataType="double" mapMissingTo="1.5" defaultValue="1.5"><FieldColumnPair field="bin" column="bin"/><FieldColumnPair field="colour" column="colour"/>
<InlineTable><row><bin>low</bin><colour>red</colour><price>10</price></row><row><bin>low</bin><colour>blue</colour><price>20</price></row><row><bin>middle</bin><colour>red</colour><price>30</price></row></InlineTable></MapValues></DerivedField>
<DerivedField name="curve" {NUMBER}><Apply function="if"><Apply function="and"><Apply function="greaterThan"><FieldRef field="petal_length"/><Constant dataType="double">2</Constant></Apply><Apply function="isIn"><FieldRef field="colour"/><Constant dataType="string">blue</Constant></Apply></Apply>
<Apply function="cube"><FieldRef field="scaled"/></Apply><Apply function="ln"><Apply function="max"><FieldRef field="petal_length"/><Constant dataType="double">1.25</Constant></Apply></Apply></Apply></DerivedField>
</TransformationDictionary>"""
    outputs = f"""<Output><OutputField name="value" {NUMBER} feature="predictedValue"/>
<OutputField name="half" {NUMBER} feature="transformedValue"><Apply function="/"><FieldRef field="value"/><Constant dataType="double">2</Constant></Apply></OutputField>
<OutputField name="decision" {TEXT} feature="decision"><Apply function="if"><Apply function="greaterThan"><FieldRef field="half"/><Constant dataType="double">25</Constant></Apply><Constant dataType="string">refuse</Constant><Constant dataType="string">accept</Constant></Apply></OutputField></Output>"""
    text = f"""{derived}<RegressionModel functionName="regression">{pmml.schema(["petal_length", "colour"], "width")}{outputs}
<Targets><Target field="width" optype="continuous" min="0" max="80" rescaleFactor="2" rescaleConstant="5"/></Targets>
<LocalTransformations><DerivedField name="doubled" {NUMBER}><Apply function="*"><FieldRef field="scaled"/><Constant dataType="double">2</Constant></Apply></DerivedField></LocalTransformations>
<RegressionTable intercept="1">{"".join(f'<NumericPredictor name="{n}" coefficient="{c}"/>' for n, c in (("scaled", 3), ("is_blue", 4), ("price", 1), ("curve", 10), ("doubled", 0.5)))}</RegressionTable></RegressionModel>"""
    rows = [{"petal_length": v, "colour": c} for v, c in ((0.5, "red"), (1.5, "blue"), (2.0, "red"), (4.0, "blue"), (6.0, "red"), (9.0, "blue"))]
    prices = {("low", "red"): 10, ("low", "blue"): 20, ("middle", "red"): 30}
    expected = []
    for row in rows:
        v, c = row["petal_length"], row["colour"]
        scaled = float(numpy.interp(v, (1, 3, 7), (0, 0.5, 1)))
        price = prices.get(("low" if v < 2 else "middle" if v < 5 else "high", c), 1.5)
        curve = scaled**3 if v > 2 and c == "blue" else math.log(max(v, 1.25))
        plain = 1 + 3 * scaled + 4 * (c == "blue") + price + 10 * curve + 0.5 * 2 * scaled
        value = min(max(plain, 0), 80) * 2 + 5
        expected.append({"value": value, "half": value / 2, "decision": "refuse" if value / 2 > 25 else "accept"})
    return [("petal_length", "continuous", "double", ()), ("colour", "categorical", "string", ("red", "blue")), WIDTH], text, rows, expected


def map_default():
    """A value that a table has not."""
    text = f"""<RegressionModel functionName="regression">{pmml.schema(["colour"], "width")}{output(VALUE)}<LocalTransformations>
<DerivedField name="price" {NUMBER}><MapValues outputColumn="price" dataType="double" defaultValue="1.5"><FieldColumnPair field="colour" column="colour"/>
<InlineTable><row><colour>red</colour><price>10</price></row></InlineTable></MapValues></DerivedField></LocalTransformations>
<RegressionTable intercept="1"><NumericPredictor name="price" coefficient="1"/></RegressionTable></RegressionModel>"""
    return [("colour", "categorical", "string", ("red", "blue")), WIDTH], text, [{"colour": "red"}, {"colour": "blue"}], named("value", [11.0, 2.5])


KINDS = [
    svm_classes, svm_hyperplanes, svm_value, naive_bayes, neighbour_classes, neighbour_mean, neighbour_weighted, general_multinomial, general_poisson,
    general_ordinal, general_logit, general_cox, rules_first_hit, rules_weighted_sum, rules_weighted_max, anomaly_forest, anomaly_one_class, associations,
    mining_average, mining_majority, mining_stacking, transformations, map_default,
]


def main():
    cases = {}
    for kind in KINDS:
        name = kind.__name__.replace("_", "-")
        fields, model, rows, expected = kind()
        (HERE / f"{name}.pmml").write_text(pmml.document(name, fields, model), encoding="utf-8")
        cases[name] = [{"row": row, "answer": answer} for row, answer in zip(rows, expected, strict=True)]
    (HERE / "cases.json").write_text(json.dumps(cases, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
