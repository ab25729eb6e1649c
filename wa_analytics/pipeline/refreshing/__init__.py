"""Evidence → facts → state, and the same again from the evidence alone.

project     entries → rows of facts: the one decrypt pass
spans       spans of the log → the fact tables, in as many processes as pay
state       facts → state: the pure rooms put together, frames in and frames out
evaluation  what of the state new facts touch; state_tables stores it
refresh     facts and state brought up to the log's end
"""
