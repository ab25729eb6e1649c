"""Controls: what a rule asks for, and whether the evidence held shows it.

`catalogue.json` is data: citation, parameters, applicability and every piece of evidence the citation
needs. `assess.assess` gives one verdict per control and company: effective, deficient or not
evaluated; a piece nobody can compute yet keeps a control from being called effective.
"""
