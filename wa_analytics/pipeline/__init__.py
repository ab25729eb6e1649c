"""The whole way of a capture, the one room that knows it.

intake       import files → evidence
pulling      what providers give when asked → evidence
refreshing   evidence → facts → state
judgement    state → figures, verdicts, incidents, reports
destroying   evidence that must go

The files beside them are what people ask of one message, person, number or provider.
"""
