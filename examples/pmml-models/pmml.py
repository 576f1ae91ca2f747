"""Writes fitted scikit-learn models as PMML 4.4 (dmg.org/pmml/v4-4-1). Standard library only; numbers with `repr`, which loses no digit.

Each function gives the model element as text; `document` puts the rest around it.
"""
from xml.sax.saxutils import quoteattr


def document(name, fields, model):
    """`fields`: (name, optype, data type, values or ()), the target last."""
    data = "".join(_data_field(*field) for field in fields)
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<PMML version="4.4" xmlns="http://www.dmg.org/PMML-4_4">
  <Header description={quoteattr(name)}/>
  <DataDictionary numberOfFields="{len(fields)}">
{data}  </DataDictionary>
{model}</PMML>
"""


def _data_field(name, optype, datatype, values=()):
    start = f"    <DataField name={quoteattr(name)} optype={quoteattr(optype)} dataType={quoteattr(datatype)}"
    if not len(values):
        return start + "/>\n"
    return start + ">" + "".join(f"<Value value={quoteattr(str(value))}/>" for value in values) + "</DataField>\n"


def schema(names, target=None, importance=""):
    """MiningSchema of a model that reads `names`."""
    fields = "".join(f"      <MiningField name={quoteattr(name)}{importance}/>\n" for name in names)
    wanted = "" if target is None else f'      <MiningField name={quoteattr(target)} usageType="target"/>\n'
    return f"    <MiningSchema>\n{wanted}{fields}    </MiningSchema>\n"


def output(target, classes=(), datatype="double"):
    """One field for the prediction, called predicted_<target>, and one for the probability of each class."""
    optype = "categorical" if len(classes) else "continuous"
    rows = [f'name="predicted_{target}" optype="{optype}" dataType="{datatype}" feature="predictedValue"']
    for value in classes:
        rows.append(f'name="probability_{value}" optype="continuous" dataType="double" feature="probability" value="{value}"')
    return "    <Output>\n" + "".join(f"      <OutputField {row}/>\n" for row in rows) + "    </Output>\n"


def linear_regression(names, target, intercept, coefficients):
    terms = "".join(f"      <NumericPredictor name={quoteattr(n)} coefficient=\"{float(c)!r}\"/>\n" for n, c in zip(names, coefficients))
    return (
        '  <RegressionModel modelName="regression" functionName="regression">\n'
        + schema(names, target)
        + output(target)
        + f'    <RegressionTable intercept="{float(intercept)!r}">\n{terms}    </RegressionTable>\n  </RegressionModel>\n'
    )


def _nodes(tree, names, at, predicate, describe, indent):
    pad = " " * indent
    left, right = tree.children_left[at], tree.children_right[at]
    score, inside = describe(at)
    start = f'{pad}<Node id="{at}" score={quoteattr(score)}>\n{pad}  {predicate}\n{inside}'
    if left == right:
        return start + f"{pad}</Node>\n"
    name, threshold = quoteattr(names[tree.feature[at]]), repr(float(tree.threshold[at]))
    below = f'<SimplePredicate field={name} operator="lessOrEqual" value="{threshold}"/>'
    above = f'<SimplePredicate field={name} operator="greaterThan" value="{threshold}"/>'
    return (
        start
        + _nodes(tree, names, left, below, describe, indent + 2)
        + _nodes(tree, names, right, above, describe, indent + 2)
        + f"{pad}</Node>\n"
    )


def decision_tree(tree, names, target, classes):
    """A DecisionTreeClassifier: leaves have the shares of the classes among the samples that came to them."""

    def describe(at):
        shares = tree.value[at][0] / tree.value[at][0].sum()
        inside = "".join(
            f'        <ScoreDistribution value={quoteattr(str(c))} recordCount="{float(n)!r}" probability="{float(n)!r}"/>\n'
            for c, n in zip(classes, shares)
        )
        return str(classes[shares.argmax()]), inside

    return (
        '  <TreeModel modelName="tree" functionName="classification" splitCharacteristic="binarySplit">\n'
        + schema(names, target)
        + output(target, classes, "string")
        + _nodes(tree, names, 0, "<True/>", describe, 4)
        + "  </TreeModel>\n"
    )


def _regression_tree(tree, names, scale, indent):
    start = '<TreeModel functionName="regression" splitCharacteristic="binarySplit">\n'
    nodes = _nodes(tree, names, 0, "<True/>", lambda at: (repr(float(tree.value[at][0][0]) * scale), ""), indent + 2)
    used = sorted({names[i] for i in tree.feature if i >= 0})
    return " " * indent + start + schema(used) + nodes + " " * indent + "</TreeModel>\n"


def boosted_trees(trees, names, target, classes, start, rate):
    """A binary GradientBoostingClassifier: a sum of trees, then the logistic function of it."""
    segments = "".join(
        f'          <Segment id="{i}">\n            <True/>\n{_regression_tree(tree, names, rate, 12)}          </Segment>\n'
        for i, tree in enumerate(trees, 1)
    )
    score = '<OutputField name="boosted" optype="continuous" dataType="double" feature="predictedValue" isFinalResult="false"/>'
    return f"""  <MiningModel modelName="boosted-trees" functionName="classification">
{schema(names, target)}{output(target, classes, "integer")}    <Segmentation multipleModelMethod="modelChain">
      <Segment id="sum">
        <True/>
        <MiningModel functionName="regression">
{schema(names)}          <Output>{score}</Output>
          <Targets><Target rescaleConstant="{float(start)!r}"/></Targets>
          <Segmentation multipleModelMethod="sum">
{segments}          </Segmentation>
        </MiningModel>
      </Segment>
      <Segment id="logistic">
        <True/>
        <RegressionModel functionName="classification" normalizationMethod="logit">
          <MiningSchema><MiningField name="{target}" usageType="target"/><MiningField name="boosted"/></MiningSchema>
          <RegressionTable targetCategory="{classes[1]}" intercept="0.0"><NumericPredictor name="boosted" coefficient="1.0"/></RegressionTable>
          <RegressionTable targetCategory="{classes[0]}" intercept="0.0"/>
        </RegressionModel>
      </Segment>
    </Segmentation>
  </MiningModel>
"""


def _layer(prefix, before, weights, biases, more=""):
    neurons = ""
    for i, bias in enumerate(biases):
        links = "".join(f'<Con from="{name}" weight="{float(w)!r}"/>' for name, w in zip(before, weights[:, i]))
        neurons += f'      <Neuron id="{prefix}{i}" bias="{float(bias)!r}">{links}</Neuron>\n'
    return f"    <NeuralLayer{more}>\n{neurons}    </NeuralLayer>\n"


def neural_network(names, target, classes, means, scales, coefs, intercepts):
    """An MLPClassifier with one layer of tanh behind a StandardScaler; its last layer goes through softmax."""
    inputs = ""
    for i, (name, mean, scale) in enumerate(zip(names, means, scales)):
        # Two points make a line: (mean, 0) and (mean + scale, 1).
        mean, scale = float(mean), float(scale)
        line = f'<LinearNorm orig="{mean!r}" norm="0"/><LinearNorm orig="{mean + scale!r}" norm="1"/>'
        field = f'<DerivedField optype="continuous" dataType="double"><NormContinuous field={quoteattr(name)}>{line}</NormContinuous></DerivedField>'
        inputs += f'      <NeuralInput id="in{i}">{field}</NeuralInput>\n'
    hidden = _layer("h", [f"in{i}" for i in range(len(names))], coefs[0], intercepts[0], ' activationFunction="tanh"')
    last = _layer(
        "out", [f"h{i}" for i in range(len(intercepts[0]))], coefs[1], intercepts[1],
        ' activationFunction="identity" normalizationMethod="softmax"',
    )
    outputs = "".join(
        f'      <NeuralOutput outputNeuron="out{i}"><DerivedField optype="categorical" dataType="string">'
        f'<NormDiscrete field="{target}" value={quoteattr(str(c))}/></DerivedField></NeuralOutput>\n'
        for i, c in enumerate(classes)
    )
    return (
        '  <NeuralNetwork modelName="neural-network" functionName="classification" activationFunction="tanh">\n'
        + schema(names, target)
        + output(target, classes, "string")
        + f"    <NeuralInputs>\n{inputs}    </NeuralInputs>\n{hidden}{last}    <NeuralOutputs>\n{outputs}    </NeuralOutputs>\n"
        + "  </NeuralNetwork>\n"
    )


def clustering(names, centers):
    """KMeans: the nearest center by Euclidean distance, and how far it is."""
    fields = "".join(f'    <ClusteringField field={quoteattr(name)} compareFunction="absDiff"/>\n' for name in names)
    clusters = "".join(
        f'    <Cluster id="{i}" name="cluster {i}"><Array n="{len(center)}" type="real">{" ".join(repr(float(v)) for v in center)}</Array></Cluster>\n'
        for i, center in enumerate(centers)
    )
    return f"""  <ClusteringModel modelName="clustering" functionName="clustering" modelClass="centerBased" numberOfClusters="{len(centers)}">
{schema(names)}    <Output>
      <OutputField name="cluster" optype="categorical" dataType="string" feature="predictedValue"/>
      <OutputField name="distance" optype="continuous" dataType="double" feature="affinity"/>
    </Output>
    <ComparisonMeasure kind="distance"><euclidean/></ComparisonMeasure>
{fields}{clusters}  </ClusteringModel>
"""


def scorecard(target, start, characteristics):
    """`characteristics`: (field, baseline, [(upper bound or None, points, reason code)], points when missing); bounds ascend, None is the rest."""
    names = [field for field, *_ in characteristics]
    rows = ""
    for field, baseline, bins, missing in characteristics:
        where = quoteattr(field)
        attributes = f'        <Attribute partialScore="{missing}" reasonCode="{field}_missing"><SimplePredicate field={where} operator="isMissing"/></Attribute>\n'
        low = None
        for bound, points, reason in bins:
            parts = []
            if low is not None:
                parts.append(f'<SimplePredicate field={where} operator="greaterThan" value="{low!r}"/>')
            if bound is not None:
                parts.append(f'<SimplePredicate field={where} operator="lessOrEqual" value="{bound!r}"/>')
            predicate = parts[0] if len(parts) == 1 else f'<CompoundPredicate booleanOperator="and">{"".join(parts)}</CompoundPredicate>'
            attributes += f'        <Attribute partialScore="{points}" reasonCode="{reason}">{predicate}</Attribute>\n'
            low = bound
        rows += f'      <Characteristic name="{field}_points" baselineScore="{baseline}">\n{attributes}      </Characteristic>\n'
    return f"""  <Scorecard modelName="scorecard" functionName="regression" initialScore="{start}" useReasonCodes="true" reasonCodeAlgorithm="pointsBelow" baselineMethod="other">
{schema(names, target)}    <Output>
      <OutputField name="score" optype="continuous" dataType="double" feature="predictedValue"/>
      <OutputField name="reason_1" optype="categorical" dataType="string" feature="reasonCode" rank="1"/>
      <OutputField name="reason_2" optype="categorical" dataType="string" feature="reasonCode" rank="2"/>
    </Output>
    <Characteristics>
{rows}    </Characteristics>
  </Scorecard>
"""
