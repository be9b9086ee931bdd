"""One module for each vendor: the model of its connections, its targets, and `VENDOR`, its registration.

`registry` lists the modules and is the only source of vendor facts for shared code. Vendor modules import records,
types and the bases in `schemas.connections` and `schemas.targets`; never `schemas.resources`.
"""
