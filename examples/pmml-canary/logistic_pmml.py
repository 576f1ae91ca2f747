"""Writes a binary logistic regression as PMML 4.4 (dmg.org/pmml/v4-4-1/Regression.html). Standard library only.

A RegressionModel with normalizationMethod `logit` says: probability of class 1 is 1 / (1 + exp(-y)), where y is the
sum of its regression table, and class 0 gets the rest. Numbers are written with `repr`, which loses no digit.
"""
from xml.sax.saxutils import quoteattr


def logistic_regression(name, target, fields, intercept, coefficients):
    """The document as text. `fields` and `coefficients` go together; classes are 0 and 1.

    An answer has `probability_0`, `probability_1` and `predicted_<target>`.
    """
    if len(fields) != len(coefficients):
        raise ValueError(f"{len(fields)} fields but {len(coefficients)} coefficients")
    data_fields = "".join(f'    <DataField name={quoteattr(f)} optype="continuous" dataType="double"/>\n' for f in fields)
    mining_fields = "".join(f"      <MiningField name={quoteattr(f)}/>\n" for f in fields)
    predictors = "".join(
        f"      <NumericPredictor name={quoteattr(f)} coefficient=\"{c!r}\"/>\n" for f, c in zip(fields, coefficients)
    )
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<PMML version="4.4" xmlns="http://www.dmg.org/PMML-4_4">
  <Header description={quoteattr(name)}/>
  <DataDictionary numberOfFields="{len(fields) + 1}">
    <DataField name={quoteattr(target)} optype="categorical" dataType="integer">
      <Value value="0"/>
      <Value value="1"/>
    </DataField>
{data_fields}  </DataDictionary>
  <RegressionModel modelName={quoteattr(name)} functionName="classification" normalizationMethod="logit">
    <MiningSchema>
      <MiningField name={quoteattr(target)} usageType="target"/>
{mining_fields}    </MiningSchema>
    <Output>
      <OutputField name="probability_0" optype="continuous" dataType="double" feature="probability" value="0"/>
      <OutputField name="probability_1" optype="continuous" dataType="double" feature="probability" value="1"/>
      <OutputField name={quoteattr("predicted_" + target)} optype="categorical" dataType="integer" feature="predictedValue"/>
    </Output>
    <RegressionTable targetCategory="1" intercept="{intercept!r}">
{predictors}    </RegressionTable>
    <RegressionTable targetCategory="0" intercept="0.0"/>
  </RegressionModel>
</PMML>
"""
