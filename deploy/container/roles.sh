#!/bin/bash
# Run once by the image of PostgreSQL when its database is made: the role that API, worker and signer work as.
# It owns nothing and is held by row security; `guitu db upgrade`, run as the owner, grants it what it needs.
set -euo pipefail
psql --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" --set ON_ERROR_STOP=1 \
     --set secret="$(cat /run/secrets/app_password)" <<'SQL'
CREATE ROLE guitu_app LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE PASSWORD :'secret';
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
SQL
