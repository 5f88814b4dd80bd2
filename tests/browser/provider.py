"""An OpenID Connect provider for the browser test, of Authlib: authorization code, PKCE (S256), ID tokens in RS256.

Called by tests/browser/run: port, certificate, key, client id. Whoever it is asked about says so on its one page.
"""

import sys
import time
from types import SimpleNamespace

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import ClientMixin, grants
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core import AuthorizationCodeMixin, OpenIDCode
from flask import Flask, jsonify, request
from joserfc.jwk import RSAKey

PORT, CERTIFICATE, KEY, CLIENT = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]
ISSUER = f"https://localhost:{PORT}"
PEOPLE = {
    "holder": {"roles": ["holder"], "oin": "00000099000000041676"},
    "operator": {"roles": ["operator"]},
    "nobody": {"roles": ["visitor"]},
}
PAGE = """<!doctype html><html lang="en"><title>Provider</title><main><h1>Sign in</h1><form method="post">{}</form></main>"""
signing = RSAKey.generate_key(2048, {"kid": "provider-1", "alg": "RS256", "use": "sig"}, private=True)
codes = {}


class Client(ClientMixin):
    """The one client, a public one."""

    client_id = CLIENT

    def get_client_id(self):
        return CLIENT

    def get_default_redirect_uri(self):
        return None

    def get_allowed_scope(self, scope):
        return scope if scope == "openid" else ""

    def check_redirect_uri(self, redirect_uri):
        return redirect_uri.endswith("/login/return")

    def check_endpoint_auth_method(self, method, endpoint):
        return method == "none"

    def check_response_type(self, response_type):
        return response_type == "code"

    def check_grant_type(self, grant_type):
        return grant_type == "authorization_code"


class Code(SimpleNamespace, AuthorizationCodeMixin):
    """A code that was given, and for what."""

    def get_redirect_uri(self):
        return self.redirect_uri

    def get_scope(self):
        return self.scope

    def get_nonce(self):
        return self.nonce

    def get_auth_time(self):
        return self.auth_time

    def get_acr(self):
        return self.acr

    def get_amr(self):
        return None


class CodeGrant(grants.AuthorizationCodeGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = ["none"]

    def save_authorization_code(self, code, request):
        asked = request.payload.data
        codes[code] = Code(
            redirect_uri=asked["redirect_uri"], scope=asked["scope"], nonce=asked["nonce"], user=request.user,
            code_challenge=asked["code_challenge"], code_challenge_method=asked["code_challenge_method"],
            acr=asked.get("acr_values") or "password", auth_time=int(time.time()),
        )

    def query_authorization_code(self, code, client):
        return codes.get(code)

    def delete_authorization_code(self, authorization_code):
        for code in [code for code, one in codes.items() if one is authorization_code]:
            del codes[code]

    def authenticate_user(self, authorization_code):
        return authorization_code.user


class IdToken(OpenIDCode):
    def exists_nonce(self, nonce, request):
        return any(code.nonce == nonce for code in codes.values())

    def resolve_client_private_key(self, client):
        return signing

    def get_encode_header(self, client):
        return {"alg": "RS256", "kid": "provider-1"}

    def get_client_algorithm(self, client):
        return "RS256"

    def get_client_claims(self, client):
        return {"iss": ISSUER, "aud": [CLIENT]}

    def get_compatible_claims(self, request):
        now = int(time.time())
        return {"iss": ISSUER, "aud": [CLIENT], "iat": now, "exp": now + 300}

    def generate_user_info(self, user, scope):
        return {"sub": f"person-{user}", **PEOPLE[user]}


app = Flask(__name__)
server = AuthorizationServer(app, query_client=lambda name: Client() if name == CLIENT else None,
                             save_token=lambda token, request: None)
server.register_grant(CodeGrant, [CodeChallenge(required=True), IdToken(require_nonce=True)])


@app.get("/.well-known/openid-configuration")
def metadata():
    return jsonify(issuer=ISSUER, authorization_endpoint=ISSUER + "/authorize", token_endpoint=ISSUER + "/token",
                   jwks_uri=ISSUER + "/keys", code_challenge_methods_supported=["S256"],
                   id_token_signing_alg_values_supported=["RS256"], response_types_supported=["code"],
                   subject_types_supported=["public"])


@app.get("/keys")
def keys():
    return jsonify(keys=[signing.as_dict(private=False)])


@app.route("/authorize", methods=["GET", "POST"])
def authorize():
    if request.method == "GET":
        return PAGE.format("".join(f'<button name="who" value="{who}">{who}</button>' for who in PEOPLE))
    grant = server.get_consent_grant(end_user=request.form["who"])
    return server.create_authorization_response(grant=grant, grant_user=request.form["who"])


@app.post("/token")
def token():
    return server.create_token_response()


if __name__ == "__main__":
    app.run("127.0.0.1", PORT, ssl_context=(CERTIFICATE, KEY))
