"""What participants are asked to do: one place a task, which says what its responses hold and what is made of them."""
