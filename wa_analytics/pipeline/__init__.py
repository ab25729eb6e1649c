"""The whole way of a capture, the one room that knows it.

intake    import files → evidence
project   entries → rows of facts (the one decrypt pass)
spans     spans of the log → the fact tables
state     facts → state, the pure rooms put together
refresh   facts and state brought up to the log's end; rebuild from the evidence alone
"""
