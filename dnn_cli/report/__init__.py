"""Tables, charts, texts and HTML pages that present runs, comparisons and predictions."""
