"""cominflow: request files in, answers and invoices out, in the customer's own record layout."""
