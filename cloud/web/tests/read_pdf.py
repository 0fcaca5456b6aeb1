"""Reads a PDF with an engine that is not ours (PDFium): its text page by page, its attachments. In: the file on stdin. Out: JSON."""

import json
import sys

import pypdfium2

document = pypdfium2.PdfDocument(sys.stdin.buffer.read())
pages = [page.get_textpage().get_text_range() for page in document]
attachments = {}
for number in range(document.count_attachments()):
    attachment = document.get_attachment(number)
    attachments[attachment.get_name()] = bytes(attachment.get_data()).decode()
print(json.dumps({"pages": pages, "attachments": attachments, "version": document.get_version()}))
