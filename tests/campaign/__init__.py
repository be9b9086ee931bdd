"""`make campaign`: random input at every edge, faults of every process and both vendors, then equality at the tenants.

Outside CI, since it takes an hour. One seed decides what is put in and what befalls whom; only timing is the machine's.
"""
