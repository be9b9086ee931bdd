"""How the services are run elsewhere: the image, compose, Kubernetes, and what is generated for them from the code."""
