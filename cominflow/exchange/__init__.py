"""Exchange: files in and out. Uploads, claim, arrivals, requests, deliveries, publishing."""
