"""From judged triplets to a metric: LPIPS on any network, trained as its authors did or as the paper did."""
