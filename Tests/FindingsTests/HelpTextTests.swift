import Foundation
import Reports
import Testing

/// Goal: a page of help is as wide as the terminal and no wider, breaks where it must and nowhere else, and never breaks a command.
@Suite struct HelpTextTests {
  private static let page = """
    OVERVIEW: Does a thing.

    A paragraph that the source breaks after some more
    words and goes on here, as if nothing had been.

    EXAMPLES
      limen check vmlinuz --crossing syscall64 --event nmi --profile intel,amd
          every event at every boundary of SYSCALL, under every profile
      5  inconclusive: a bound was hit, or the kernel did not come as far

    A second paragraph.

    USAGE: limen check [<kernels> ...] [--memory <memory>] [--append <append>]

    OPTIONS:
      --memory <memory>       Guest memory in MiB, and some more words than fit. (default: 512)
      -h, --help              Show help information.
    """

  @Test func eachLineIsBrokenByWhatItIs() {
    #expect(
      HelpText.wrapped(Self.page, columns: 52) == """
        OVERVIEW: Does a thing.

        A paragraph that the source breaks after some more
        words and goes on here, as if nothing had been.

        EXAMPLES
          limen check vmlinuz --crossing syscall64 --event nmi --profile intel,amd
              every event at every boundary of SYSCALL,
              under every profile
          5  inconclusive: a bound was hit, or the kernel
             did not come as far

        A second paragraph.

        USAGE: limen check [<kernels> ...] [--memory
                 <memory>] [--append <append>]

        OPTIONS:
          --memory <memory>       Guest memory in MiB, and
                                  some more words than fit.
                                  (default: 512)
          -h, --help              Show help information.
        """)
  }

  @Test func aWidePageHasNoBreaksOfItsOwn() {
    let wide = HelpText.wrapped(Self.page, columns: 200)
    #expect(
      wide.contains(
        "\nA paragraph that the source breaks after some more words and goes on here, as if nothing had been.\n")
    )
    #expect(wide.split(separator: "\n").count == Self.page.split(separator: "\n").count - 1)
  }

  /// The words are those of the widest page, in their order.
  @Test(arguments: [
    "", "boot", "check", "trace", "diff", "compare", "thread", "replay", "explain", "list", "cache", "config", "doctor",
  ])
  func everyVerbsPageIsWrappedOnce(verb: String) throws {
    func page(_ columns: Int) throws -> String {
      let ended = try CommandLineTests.limen(
        (verb.isEmpty ? [] : [verb]) + ["--help"], environment: ["COLUMNS": "\(columns)"])
      #expect(ended.status == 0 && ended.complaint.isEmpty)
      return ended.output
    }
    func words(_ text: String) -> [Substring] { text.split { $0 == " " || $0 == "\n" } }
    let whole = try page(9000)
    let commands = whole.split(separator: "\n").filter { $0.hasPrefix("  limen ") }
    #expect(!commands.isEmpty)
    for columns in [60, 80, 120] {
      let text = try page(columns)
      #expect(words(text) == words(whole))
      for command in commands { #expect(text.contains("\n\(command)\n")) }
      for line in text.split(separator: "\n") where line.count > columns {
        #expect(line.hasPrefix("  limen ") || words(String(line)).count == 1, "\(columns): \(line)")
      }
    }
  }
}
