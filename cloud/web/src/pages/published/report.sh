# The SHA-256 of the report must be the one in its check, which lies beside it.
sha256sum report.csv
grep -o '"sha256":"[0-9a-f]*"' report.csv.check

# The check is a signed line like any other. A PDF has it as its own last line, after a %:
#   head -n -1 report.pdf > report    tail -n 1 report.pdf | cut -c 2- > report.check
tr -d '\n' < report.csv.check > line
sed 's/,"signature":"[0-9a-f]*"}$//' line > signed
sed 's/.*,"signature":"\([0-9a-f]*\)"}$/\1/' line > digits
python3 -c 'open("signature", "wb").write(bytes.fromhex(open("digits").read()))'
openssl pkeyutl -verify -pubin -inkey key.pem -rawin -in signed -sigfile signature
