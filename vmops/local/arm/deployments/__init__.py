"""Template deployments: reading a template, ordering its resources, and running the deployment by itself."""
