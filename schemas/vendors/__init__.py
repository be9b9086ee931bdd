"""One module for each vendor: the model of its connections, its targets, and `VENDOR`, its registration.

`registry` lists the modules; everything that shared code knows of vendors comes from there. Imports records, types and
the bases in `schemas.connections` and `schemas.targets`; never `schemas.resources`.
"""
