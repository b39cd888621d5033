"""Before a study: how precise it will be, and the plan that its analysis will follow."""
