"""Evidence that goes: by the schedule, by a person's request, and again after a restore.

target       what must go, and what it is bound up with
destruction  the records destroyed, in every capture that speaks of them
disposal     `wa dispose`; erasure  `wa erase`; replay  a database put back to an older copy
"""
