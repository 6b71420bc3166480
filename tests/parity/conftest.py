import sys
from pathlib import Path

# What is compared is shared by a test and by the script that prints the table; pytest's importlib mode does not
# find what lies beside a test.
sys.path.insert(0, str(Path(__file__).parent))
