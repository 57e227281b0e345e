/// Goal: the recipes of Documentation/CI.md do what they say in the form in which they stand there. A shell, make and git run them; PyYAML reads
/// what CI systems would; the kernel that they build is a small one.
import Foundation
import Testing

@Suite struct RecipeTests {
  let folder: TemporaryFolder
  let tree: URL

  /// A tree in which `make bzImage` makes a kernel: `kernel.elf`, which a test puts there.
  init() throws {
    folder = try TemporaryFolder()
    tree = folder.url.appending(path: "tree")
    try FileManager.default.createDirectory(at: tree, withIntermediateDirectories: true)
    try write("bzImage:\n\tmkdir -p arch/x86/boot && cp kernel.elf arch/x86/boot/bzImage\n", "Makefile")
    // The name is as the user's shell finds it, with the small kernel as its probe.
    let bin = folder.url.appending(path: "bin")
    try FileManager.default.createDirectory(at: bin, withIntermediateDirectories: true)
    let program = URL(filePath: CommandLine.arguments[0]).resolvingSymlinksInPath().deletingLastPathComponent()
      .appending(path: "limen").path
    // Memory: the small kernel has no use for more.
    let script = """
      #!/bin/sh
      export LIMEN_PROBE="$PWD/arch/x86/boot/bzImage" LIMEN_CACHE="\(folder.url.path)/cache"
      verb=$1; shift
      exec "\(program)" "$verb" "$@" --memory 16
      """
    try script.write(to: bin.appending(path: "limen"), atomically: true, encoding: .utf8)
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: bin.appending(path: "limen").path)
  }

  private func write(_ text: String, _ name: String) throws {
    try text.write(to: tree.appending(path: name), atomically: true, encoding: .utf8)
  }

  private func put(_ definitions: [String]) throws {
    _ = try TinyKernel(definitions, in: tree, named: "kernel.elf")
  }

  /// The block behind the mark, as it stands in the page.
  private static func recipe(_ name: String) throws -> String {
    let page = try String(contentsOf: Probe.root.appending(path: "Documentation/CI.md"), encoding: .utf8)
    let behind = try #require(page.range(of: "<!-- recipe: \(name) -->\n```"))
    let block = page[behind.upperBound...]
    let start = try #require(block.firstIndex(of: "\n"))
    let end = try #require(block.range(of: "\n```\n"))
    return String(block[block.index(after: start)..<end.lowerBound]) + "\n"
  }

  @discardableResult
  private func shell(_ command: String, environment: [String: String] = [:]) throws -> (status: Int32, said: String) {
    let process = Process()
    let output = Pipe()
    process.executableURL = URL(filePath: "/bin/bash")
    process.arguments = ["-c", command]
    process.currentDirectoryURL = tree
    var all = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    all["PATH"] = "\(folder.url.path)/bin:\(all["PATH"] ?? "/usr/bin:/bin")"
    process.environment = all
    process.standardOutput = output
    process.standardError = output
    try process.run()
    let said = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: said, as: UTF8.self))
  }

  /// The commands of a recipe of YAML, in order: of GitHub's the steps' `run`, of GitLab's `script`.
  private func commands(_ recipe: String) throws -> [String] {
    try write(recipe, "recipe.yml")
    let script = """
      import json, sys, yaml
      page = yaml.safe_load(open('recipe.yml'))
      if 'jobs' in page:
          print(json.dumps([s['run'] for j in page['jobs'].values() for s in j['steps'] if 'run' in s]))
      else:
          print(json.dumps([c for j in page.values() for c in j['script']]))
      """
    let answer = try shell("/usr/bin/python3 - <<'END'\n\(script)\nEND\n")
    try #require(answer.status == 0, "\(answer.said)")
    return try JSONDecoder().decode([String].self, from: Data(answer.said.utf8))
  }

  private static let sound: [String] = []
  private static let broken = ["ON_NMI=incq %rbx"]

  private func keepNothingKnown() throws {
    try write("{\"format\":\"limen-baseline\",\"version\":1,\"limen\":\"0\",\"findings\":[]}", "limen-baseline.json")
  }

  /// Every step as GitHub runs one: bash -e, and those that always run behind a failure too.
  @Test func github() throws {
    try keepNothingKnown()
    let steps = try commands(try Self.recipe("github"))
    #expect(steps.count == 3)
    for (kernel, status) in [(Self.sound, 0), (Self.broken, 1)] {
      try put(kernel)
      let summary = ["GITHUB_STEP_SUMMARY": folder.url.appending(path: "summary-\(status)").path]
      #expect(try shell("set -eo pipefail\n" + steps[0]).status == 0)
      let checked = try shell("set -eo pipefail\n" + steps[1])
      #expect(checked.status == status, "\(checked.said)")
      #expect(try shell("set -eo pipefail\n" + steps[2], environment: summary).status == 0)
      let page = try String(contentsOfFile: summary["GITHUB_STEP_SUMMARY"]!, encoding: .utf8)
      #expect(page.contains(status == 0 ? "held" : "violated"))
      #expect(FileManager.default.fileExists(atPath: tree.appending(path: "limen.sarif").path))
    }
  }

  @Test func gitlab() throws {
    try keepNothingKnown()
    let steps = try commands(try Self.recipe("gitlab")).joined(separator: "\n")
    try put(Self.sound)
    let held = try shell("set -eo pipefail\n" + steps)
    #expect(held.status == 0, "\(held.said)")
    try put(Self.broken)
    #expect(try shell("set -eo pipefail\n" + steps).status == 1)
    #expect(try String(contentsOf: tree.appending(path: "limen.xml"), encoding: .utf8).contains("<failure "))
    // What is known passes.
    #expect(
      try shell("limen check arch/x86/boot/bzImage --crossing syscall64,int80 --write-baseline limen-baseline.json")
        .status == 1)
    #expect(try shell("set -eo pipefail\n" + steps).status == 0)
  }

  @Test func makefile() throws {
    try keepNothingKnown()
    let own = try String(contentsOf: tree.appending(path: "Makefile"), encoding: .utf8)
    try write(own + "\n" + (try Self.recipe("makefile")), "Makefile")
    try put(Self.sound)
    let held = try shell("make limen")
    #expect(held.status == 0, "\(held.said)")
    #expect(try String(contentsOf: tree.appending(path: "limen.ktap"), encoding: .utf8).hasPrefix("KTAP version 1\n"))
    try put(Self.broken)
    // GNU make's own status for a recipe that failed.
    #expect(try shell("make limen").status == 2)
  }

  /// Eight commits, of which the sixth breaks the kernel, and the fourth does not build.
  @Test func bisect() throws {
    let script = folder.url.appending(path: "bisect.sh")
    try (try Self.recipe("bisect")).write(to: script, atomically: true, encoding: .utf8)
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: script.path)
    let git = "git -c user.name=n -c user.email=e -c commit.gpgsign=false"
    #expect(try shell("git init -q . && printf 'arch/\\n' > .gitignore").status == 0)
    let makefile = try String(contentsOf: tree.appending(path: "Makefile"), encoding: .utf8)
    for commit in 1...8 {
      try put(commit < 6 ? Self.sound : Self.broken)
      try write(commit == 4 ? "bzImage:\n\tfalse\n" : makefile, "Makefile")
      try write("\(commit)\n", "change")
      let made = try shell("git add -A && \(git) commit -qm 'change \(commit)'")
      #expect(made.status == 0, "\(made.said)")
    }
    let answer = try shell("git bisect start HEAD HEAD~7 && git bisect run ../bisect.sh")
    #expect(answer.status == 0 && answer.said.contains("is the first bad commit"), "\(answer.said)")
    #expect(answer.said.contains("change 6"), "\(answer.said)")
    // What Limen cannot read is no commit's fault: git gives up.
    try write("not a kernel", "kernel.elf")
    try write(makefile, "Makefile")
    #expect(try shell("../bisect.sh").status == 255)
  }
}
