/// Goal: stock gdb walks from a witness's start to its finding, back to the last writer of RSP, and forward again; its own reader takes the
/// target description; and Documentation/Debugger.md shows that session as it is.
import Foundation
import Testing

@Suite struct GDBTests {
  private static let page = Served.root.appending(path: "Documentation/Debugger.md")
  private static let marker = "<!-- What follows is a session of gdb's, written by ./dev bless. -->\n"

  /// Commands as they are typed.
  private static let commands = """
    file exit-with-interrupts-on.elf
    target remote | limen debug rsp-owned.json - 2>/dev/null
    monitor world
    monitor events
    continue
    print $boundary
    x/5gx $rsp
    monitor owner
    reverse-stepi
    x/i $rip
    watch $rsp
    reverse-continue
    x/i $rip
    print $boundary
    delete
    stepi
    monitor owner
    break *$rip
    continue
    reverse-continue
    delete
    print $cpl
    print $eflags
    print/x $lstar
    set $rax = 1
    watch *(long *)0x1000b198
    continue
    continue
    delete
    continue
    monitor goto 0
    maintenance flush register-cache
    x/i $rip
    reverse-stepi
    monitor inject nmi
    stepi
    info symbol $rip
    monitor finding
    detach
    """.split(separator: "\n").map(String.init)

  private static func session() throws -> String {
    let served = try Served(
      "specimen:exit-with-interrupts-on", platform: "bare-metal", event: "external-interrupt",
      witness: "bare-metal_intel_syscall64_normal_rsp-owned_117-external-interrupt.json")
    defer { served.remove() }
    let files = FileManager.default
    try files.copyItem(atPath: served.witness, toPath: served.folder.path + "/rsp-owned.json")
    try files.copyItem(
      at: Served.root.appending(path: ".build-reference/specimens/exit-with-interrupts-on.elf"),
      to: served.folder.appending(path: "exit-with-interrupts-on.elf"))
    return try gdb(commands, served)
  }

  /// What gdb prints, each command behind its prompt.
  static func gdb(_ commands: [String], _ served: Served) throws -> String {
    // An empty prompt, and each command printed before it is obeyed; from standard input an error ends nothing.
    let setting = [
      "set width 0", "set height 0", "set confirm off", "set prompt", "set remotetimeout 50", "set trace-commands on",
    ]
    let ended = try served.run(
      ["sh", "-c", "exec gdb -nx -q 2>&1"], input: Array((setting + commands).map { $0 + "\n" }.joined().utf8))
    try #require(ended.status == 0, "\(String(decoding: ended.output, as: UTF8.self))\(ended.complaint)")
    let lines = String(decoding: ended.output, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
    return lines.drop { !$0.contains("+") || !$0.contains(commands[0]) }
      // The end of input, and what a reverse command does inside gdb.
      .filter { $0 != "+quit" && !($0.hasPrefix("+") && $0.hasSuffix(" ")) }
      .map { line in
        var text = line
        while text.hasPrefix("(gdb) ") { text = text.dropFirst(6) }
        return text.hasPrefix("+") ? "(gdb) \(text.dropFirst())" : String(text)
      }.joined(separator: "\n").replacing(served.folder.path + "/", with: "")
  }

  @Test func theSessionIsThePages() throws {
    let said = try Self.session()
    // What the page is there to show; the rest is for the eye.
    for words in [
      "rsp-owned is broken at boundary 118", "Old value", "No more reverse-execution history",
    ] {
      #expect(said.contains(words), "\(words) is missing:\n\(said)")
    }
    let text = said.split(separator: "\n", omittingEmptySubsequences: false)
      .map { $0.isEmpty ? "" : "    \($0)" }.joined(separator: "\n").trimmingCharacters(in: .newlines)
    var page = try String(contentsOf: Self.page, encoding: .utf8)
    let end = try #require(page.range(of: Self.marker), "Documentation/Debugger.md has lost its marker")
    if ProcessInfo.processInfo.environment["LIMEN_BLESS"] == "1" {
      page = String(page[..<end.upperBound]) + "\n" + text + "\n"
      try page.write(to: Self.page, atomically: true, encoding: .utf8)
    }
    #expect(page[end.upperBound...] == "\n\(text)\n", "'./dev bless' rewrites it; now:\n\(text)")
  }
}
