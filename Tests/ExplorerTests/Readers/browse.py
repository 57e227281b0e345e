"""Opens a page in a headless Chromium and does what a reader would: browse.py FILE PICTURES|- < steps

Each line of standard input is a JSON array: ["size", width, height], ["scheme", "dark"], ["key", "j"], ["ask", expression], ["picture", name]. The
answers to "ask" are printed, a line of JSON each; behind them what the page asked the network for and what it complained about.

Chrome DevTools Protocol over --remote-debugging-pipe: messages of JSON, each ended by a NUL, on descriptors 3 and 4.
"""
import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time


class Chromium:
    def __init__(self):
        self.profile = tempfile.mkdtemp(prefix="limen-chromium-")
        from_us, self.to = os.pipe()
        self.answers, from_it = os.pipe()

        def take():
            # High first: the numbers may be taken by what is to be moved.
            os.dup2(from_us, 103)
            os.dup2(from_it, 104)
            os.dup2(103, 3)
            os.dup2(104, 4)

        self.process = subprocess.Popen(
            ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
             "--disable-extensions", "--disable-background-networking", "--remote-debugging-pipe",
             f"--user-data-dir={self.profile}", "about:blank"],
            preexec_fn=take, close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(from_us)
        os.close(from_it)
        self.number, self.buffer, self.events, self.session = 0, b"", [], None
        page = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(domain + ".enable")

    def message(self):
        while b"\0" not in self.buffer:
            more = os.read(self.answers, 1 << 20)
            if not more:
                sys.exit("Chromium ended")
            self.buffer += more
        message, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(message)

    def call(self, method, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.message()
            if answer.get("id") == self.number:
                if "error" in answer:
                    sys.exit(f"{method}: {answer['error']}")
                return answer["result"]
            self.events.append(answer)

    def ask(self, expression):
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            sys.exit(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def do(self, step, pictures):
        what, *values = step
        if what == "size":
            self.call("Emulation.setDeviceMetricsOverride", width=values[0], height=values[1], deviceScaleFactor=1,
                      mobile=values[0] < 800)
        elif what == "scheme":
            self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": values[0]}])
        elif what == "key":
            text = values[0] if len(values[0]) == 1 else ""
            self.call("Input.dispatchKeyEvent", type="keyDown", key=values[0], text=text)
            self.call("Input.dispatchKeyEvent", type="keyUp", key=values[0])
        elif what == "ask":
            print(json.dumps(self.ask(values[0])))
        elif what == "picture" and pictures != "-":
            # What was asked for is on the screen two frames later.
            self.ask("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
            data = self.call("Page.captureScreenshot", format="png")["data"]
            with open(os.path.join(pictures, values[0]), "wb") as file:
                file.write(base64.b64decode(data))

    def heard(self, method):
        return [event["params"] for event in self.events if event.get("method") == method]

    def end(self):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.profile, ignore_errors=True)


def main():
    browser = Chromium()
    try:
        browser.call("Page.navigate", url="file://" + os.path.abspath(sys.argv[1]))
        while browser.ask("document.readyState") != "complete":
            time.sleep(0.02)
        for line in sys.stdin:
            browser.do(json.loads(line), sys.argv[2])
        browser.ask("new Promise(done => setTimeout(done, 100))")
        requests = [one["request"]["url"].split(":")[0] for one in browser.heard("Network.requestWillBeSent")]
        complaints = [one["entry"]["text"] for one in browser.heard("Log.entryAdded")
                      if one["entry"]["level"] == "error"]
        complaints += [one["exceptionDetails"]["text"] for one in browser.heard("Runtime.exceptionThrown")]
        print(json.dumps({"requests": requests, "complaints": complaints}))
    finally:
        browser.end()


main()
