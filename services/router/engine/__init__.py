"""The running router: Faust app, partition workers, transactions, stored state.

May import `evaluation` and `queries`; they never import the service.
"""
