"""One call from sound to what it leaves: the flow, its second pass, live calls and batches."""
