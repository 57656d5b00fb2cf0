"""Template deployments: what a template says, in which order it is made, and how a deployment goes on by itself."""
