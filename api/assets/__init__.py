"""What pages of the REST door are made of; nothing of others is kept here, it is fetched when the house is set up."""
