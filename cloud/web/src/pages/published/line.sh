# The key that you were given. The fingerprint must be the one above.
openssl pkey -pubin -in key.pem -outform DER | sha256sum

# One line of the file, here the second. What is signed is all before ,"signature":
sed -n 2p logbook.ndjson | tr -d '\n' > line
sed 's/,"signature":"[0-9a-f]*"}$//' line > signed
sed 's/.*,"signature":"\([0-9a-f]*\)"}$/\1/' line > digits
python3 -c 'open("signature", "wb").write(bytes.fromhex(open("digits").read()))'
openssl pkeyutl -verify -pubin -inkey key.pem -rawin -in signed -sigfile signature

# The chain: the SHA-256 of an entry is what the next one calls "previous".
sha256sum < line
sed -n 3p logbook.ndjson | grep -o '"previous":"[0-9a-f]*"'
