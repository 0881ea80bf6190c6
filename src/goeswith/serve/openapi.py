"""The OpenAPI page: python -m goeswith.serve.openapi > docs/openapi.json"""

import json

from goeswith.serve.app import described

if __name__ == "__main__":
    print(json.dumps(described().openapi(), indent=1, ensure_ascii=False))
