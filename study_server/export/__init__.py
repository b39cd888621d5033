"""Tables made from a study's database: responses (one row a trial) and participants."""
