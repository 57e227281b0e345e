/// Goal: limen.toml says what the command line leaves open, and nothing else; what is not understood is refused by its line. What a file means is
/// what Python's tomllib reads in it.
import Findings
import Foundation
import Testing

@Suite struct ProjectFileTests {
  let folder: TemporaryFolder
  let kernel: TinyKernel
  let limen: LimenProgram

  init() throws {
    folder = try TemporaryFolder()
    kernel = try TinyKernel(["ON_NMI=incq %rbx"], in: folder.url, named: "broken.elf")
    limen = LimenProgram(probe: kernel.path, cache: folder.url.path + "/cache")
  }

  private func write(_ text: String) throws {
    try text.write(to: folder.url.appending(path: "limen.toml"), atomically: true, encoding: .utf8)
  }

  /// Run in a folder two below the file's.
  private func run(_ arguments: String...) throws -> LimenProgram.Ended {
    let below = folder.url.appending(path: "a/b")
    try FileManager.default.createDirectory(at: below, withIntermediateDirectories: true)
    return try limen.start(arguments, before: ["env", "-C", below.path]).ended()
  }

  private func sections(_ more: String...) throws -> [String] {
    let ended = try limen.start(
      ["check", kernel.path, "--no-witnesses", "--format", "json"] + more, before: ["env", "-C", folder.url.path]
    ).ended()
    #expect(ended.complaint.isEmpty, "\(ended.complaint)")
    let report = try JSONDecoder().decode(CheckReport.self, from: Data(ended.output.utf8))
    return report.sections.map {
      "\($0.profile) \($0.crossing) \($0.trials.map(\.event.rawValue).joined(separator: ","))"
    }
  }

  @Test func theFileSaysWhatTheCommandLineLeavesOpen() throws {
    try write(
      """
      # what this project asks
      [check]
      profile = ["intel"]   # one is enough
      crossing = [
        "syscall64",
      ]
      event = 'nmi'
      memory = 1_6
      """)
    #expect(try sections() == ["intel syscall64 nmi"])
    #expect(try sections("--profile", "amd") == ["amd syscall64 nmi"])
    #expect(try sections("--profile=amd", "--event=machine-check") == ["amd syscall64 machine-check"])
    let shown = try run("config")
    #expect(
      shown.output == """
        \(folder.url.path)/limen.toml:
          check --profile=intel
          check --crossing=syscall64
          check --event=nmi
          check --memory=16

        """)
  }

  @Test func aBaselineLiesBesideTheFile() throws {
    try write("[check]\nprofile = 'intel'\ncrossing = 'syscall64'\nmemory = 16\nbaseline = 'known.json'\n")
    let known = folder.url.appending(path: "known.json").path
    let missing = try run("check", kernel.path, "--no-witnesses")
    #expect(missing.status == 2 && missing.complaint.contains("\(known): No such file"))
    let made = try limen.start(
      [
        "check", kernel.path, "--memory", "16", "--profile", "intel", "--crossing", "syscall64", "--no-witnesses",
        "--write-baseline", known,
      ],
      before: ["env", "LIMEN_CONFIG="]
    ).ended()
    #expect(made.status == 1)
    #expect(try run("check", kernel.path, "--no-witnesses", "-q") == .init(status: 0, output: "", complaint: ""))
  }

  @Test func withoutAFileThereIsNone() throws {
    #expect(try run("config").output == "no limen.toml in the working directory or above it\n")
  }

  @Test(arguments: [
    ("profile = 'intel'", 1, "stands in no table"), ("[boot]\nx = 1", 2, "there is no table [boot]"),
    ("[check]\nwitnesses = 'x'", 2, "has no 'witnesses'"), ("[check]\nreport = 'sarif=/etc/x'", 2, "has no 'report'"),
    ("[check]\nprofile = true", 2, "takes a string"), ("[check]\nprofile = []", 2, "takes a string"),
    ("[check]\nprofile = [1]", 2, "takes a string"), ("[check]\nprofile", 2, "'=' is missing"),
    ("[check]\nprofile = 'a'\nprofile = 'b'", 3, "is there twice"), ("[check]\n[check]", 2, "is there twice"),
    ("[check]\na.b = 1", 2, "dotted keys"), ("[[check]]", 1, "arrays of tables"), ("[a.b]", 1, "tables in tables"),
    ("[check]\nprofile = \"\"\"x\"\"\"", 2, "several lines"), ("[check]\nprofile = {a = 1}", 2, "inline tables"),
    ("[check]\nprofile = \"x", 2, "does not end"), ("[check]\nprofile = ['x'", 2, "missing in an array"),
    ("[check]\nmemory = 0x10", 2, "no value"), ("[check]\nmemory = 010", 2, "no value"),
    ("[check]\nmemory = 1.5", 2, "no value"),
    ("[check]\nprofile = \"\\q\"", 2, "no escape"), ("[check]\nprofile = \"\\ud800\"", 2, "no character"),
    ("[check]\nprofile = 'a' b", 2, "should end"), ("[check]\n= 1", 2, "where a key should be"),
    ("[check]\nappend = \"a\u{1}\"", 2, "control character"), ("[check]\n\"profile\" = 1", 2, "quoted keys"),
    ("[check]\nprofile = ", 2, "a value is missing"),
  ])
  func whatIsNotUnderstoodIsRefused(text: String, line: Int, problem: String) throws {
    try write(text)
    for verb in [["config"], ["check", kernel.path]] {
      let ended = try limen.start(verb, before: ["env", "-C", folder.url.path]).ended()
      #expect(ended.status == 2 && ended.output.isEmpty)
      #expect(ended.complaint.hasPrefix("limen: \(folder.url.path)/limen.toml: line \(line): "), "\(ended.complaint)")
      #expect(ended.complaint.contains(problem) && ended.complaint.filter(\.isNewline).count == 1, "\(ended.complaint)")
    }
  }

  /// What is read is what tomllib reads.
  @Test func tomllibReadsTheSame() throws {
    let texts = [
      "[check]\nappend = \"a \\\"b\\\" \\\\ \\u00e9 \\t\"\nmemory = +1_024\n", "[check]\r\nappend = 'C:\\x' # c\r\n",
      "[check]\nprofile = [ 'intel' , # one\n \"amd\" ]\ndepth = 3\n[diff]\nposture='normal'", "[check]\nappend=''",
      "\n\n[ check ]\n\tdepth\t=\t2\n", "[check]\nmemory = 0",
    ]
    let script = """
      import sys, tomllib
      page = tomllib.load(open(sys.argv[1], 'rb'))
      for verb, table in page.items():
          for key, value in table.items():
              print(verb, key, ascii(','.join(value) if isinstance(value, list) else str(value)))
      """
    for text in texts {
      try write(text)
      let process = Process()
      let pipe = Pipe()
      process.executableURL = URL(filePath: "/usr/bin/python3")
      process.arguments = ["-c", script, folder.url.appending(path: "limen.toml").path]
      process.standardOutput = pipe
      try process.run()
      let expected = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
      process.waitUntilExit()
      try #require(process.terminationStatus == 0)
      // As Python writes a string, of what `limen config` quotes for a shell.
      let shown = try run("config").output
      let reread = Process()
      let answer = Pipe()
      reread.executableURL = URL(filePath: "/usr/bin/python3")
      reread.arguments = [
        "-c",
        """
        import sys, shlex
        for line in sys.argv[1].split('\\n')[1:-1]:
            verb, argument = shlex.split(line)
            key, value = argument[2:].split('=', 1)
            print(verb, key, ascii(value.replace('\\\\u{9}', '\\t')))
        """, shown,
      ]
      reread.standardOutput = answer
      try reread.run()
      let ours = String(decoding: answer.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
      reread.waitUntilExit()
      #expect(ours == expected, "\(text)")
    }
  }
}
