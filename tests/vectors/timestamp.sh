#!/usr/bin/env bash
# Makes tests/vectors/timestamp anew with OpenSSL: an authority, time stamps by it, and some that must be refused.
# Its certificates last a century, because what is checked is the time of the stamp.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/timestamp"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
days=36500

authority() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$work/$1.key" -out "$work/$1.pem" \
    -days "$days" -subj "/CN=Doelpoort example $1" -addext basicConstraints=critical,CA:TRUE 2>/dev/null
  openssl x509 -in "$work/$1.pem" -outform DER -out "$1.der"
}

# certificate NAME AUTHORITY EXTENSIONS KEY-OPTIONS…
certificate() {
  local name=$1 by=$2 extensions=$3
  shift 3
  openssl req -newkey "$@" -nodes -keyout "$work/$name.key" -out "$work/$name.csr" -subj "/CN=Example $name" 2>/dev/null
  printf 'basicConstraints=critical,CA:FALSE\nsubjectKeyIdentifier=hash\n%s\n' "$extensions" >"$work/$name.ext"
  openssl x509 -req -in "$work/$name.csr" -CA "$work/$by.pem" -CAkey "$work/$by.key" -CAcreateserial \
    -days "$days" -extfile "$work/$name.ext" -out "$work/$name.pem" 2>/dev/null
}

# reply FILE CERTIFICATE DIGEST ESS-DIGEST FRACTION-DIGITS
reply() {
  cat >"$work/tsa.cnf" <<CNF
[tsa]
default_tsa = tsa1
[tsa1]
serial = $work/serial
signer_cert = $work/$2.pem
signer_key = $work/$2.key
signer_digest = $3
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
clock_precision_digits = $5
ordering = yes
tsa_name = yes
ess_cert_id_alg = $4
CNF
  openssl ts -reply -config "$work/tsa.cnf" -queryfile request.tsq -out "$1"
}

purpose='extendedKeyUsage=critical,timeStamping'
authority authority
authority stranger
certificate ec authority "$purpose" ec -pkeyopt ec_paramgen_curve:P-384
certificate rsa authority "$purpose" rsa:2048
certificate other authority 'extendedKeyUsage=critical,codeSigning' ec -pkeyopt ec_paramgen_curve:P-256

printf 'doelpoort.example/audit/2026\n1\nAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM=\n' >note.txt
openssl ts -query -data note.txt -sha256 -cert -out "$work/query.tsq"
# With the nonce 0x4142434445464748, which the tests know.
python3 - "$work/query.tsq" <<'PYTHON'
import hashlib, sys
imprint = hashlib.sha256(open("note.txt", "rb").read()).digest()
algorithm = bytes.fromhex("300d06096086480165030402010500")
inner = algorithm + b"\x04\x20" + imprint
body = b"\x02\x01\x01" + b"\x30" + bytes([len(inner)]) + inner + b"\x02\x08ABCDEFGH" + b"\x01\x01\xff"
open("request.tsq", "wb").write(b"\x30" + bytes([len(body)]) + body)
PYTHON
openssl ts -query -in request.tsq -text >/dev/null
echo 01 >"$work/serial"
reply ec.tsr ec sha384 sha256 0
reply rsa.tsr rsa sha256 sha1 3

# A token whose certificate is for signing code: OpenSSL's `ts` refuses to make it, its `cms` does not.
openssl ts -reply -in ec.tsr -token_out -out "$work/token.der"
openssl cms -verify -noverify -nosigs -inform DER -in "$work/token.der" -out "$work/content.der" 2>/dev/null
openssl cms -sign -binary -nodetach -cades -md sha256 -econtent_type 1.2.840.113549.1.9.16.1.4 -in "$work/content.der" \
  -signer "$work/other.pem" -inkey "$work/other.key" -outform DER -out other-use.der
