"""Documents that show commands and what they print: blocks marked ```console are run line by line (each begins with `$ `)
in the quick start's folder, and must print what stands below them. With WEIR_WRITE_TOUR=1 the document is given what was
printed instead; the change is then for a person to read."""
import os
import re
import subprocess


def at_ports(text, ports):
    for old, new in ports.items():
        text = re.sub(rf":{old}\b", f":{new}", text)
    return text


def generalised(text):
    """What differs from run to run (ids, times, ports, counts, durations, sizes) made equal."""
    text = re.sub(r"\b(weir_)?[0-9a-f]{12,64}\b", "ID", text)
    text = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z|[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} [\d:]+ GMT|\b\d\d:\d\d:\d\d(\.\d+)?\b", "TIME", text)
    text = re.sub(r"\d[\d,.]*( ?(ms|µs|s|min|h|B|KiB|MiB|GiB|%)(?=\W|$))?", "N", text)
    text = re.sub(r"\bN (arrival|segment|connection)s\b", r"N \1", text)   # counted while they are being written
    return re.sub(r"[ \t]+", " ", text).strip()


def check_document(path, ports, folder):
    text = path.read_text()
    blocks = re.findall(r"```console\n(.*?)```", text, re.S)
    assert blocks, f"{path} shows no command"
    back = {new: old for old, new in ports.items()}
    environment = {**os.environ, "NO_COLOR": "1", "PATH": f"{folder}/build/release:{os.environ['PATH']}"}
    printed = text
    for block in blocks:
        made = ""
        for step in re.split(r"^\$ ", block, flags=re.M)[1:]:
            command = step.split("\n")[0]
            done = subprocess.run(["bash", "-c", at_ports(command, ports)], cwd=folder, env=environment, capture_output=True, text=True,
                                  timeout=30)
            assert done.returncode == 0, f"$ {command}\n{done.stdout}{done.stderr}"
            made += f"$ {command}\n" + at_ports(done.stdout, back).replace(f"{folder}/", "")
        printed = printed.replace(block, made)
        if not os.environ.get("WEIR_WRITE_TOUR"):
            assert generalised(made) == generalised(block), made
    if os.environ.get("WEIR_WRITE_TOUR"):
        path.write_text(printed)
