"""Studies: values of a question, each tuned alike, and judged on other data and seeds."""
