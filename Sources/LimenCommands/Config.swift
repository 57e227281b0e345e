import ArgumentParser
import Findings

/// `limen config`: what the project's file says.
struct Config: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Shows what limen.toml says.",
    discussion: """
      The file limen.toml is looked for in the working directory and above it, or is the one that LIMEN_CONFIG names; where that is empty there is \
      none. Its tables [check] and [diff] have the long names of options, with strings, numbers or lists of strings, and hold for what the command \
      line does not name. A path of a baseline begins at the file. What a verb writes is not the file's to say.

          [check]
          profile = ["intel", "amd"]
          crossing = ["syscall64", "int80"]
          baseline = "limen-baseline.json"

      EXAMPLE
        limen config
      """)

  func run() throws {
    guard let file = try ProjectFile.find() else {
      return try StandardOutput.write("no \(ProjectFile.name) in the working directory or above it\n")
    }
    let lines =
      ["\(printable(file.path, limit: 4096)):"]
      + file.settings.map {
        printable("  \($0.verb) --\($0.option)" + shellQuoted("=\($0.value)"), limit: 4096)
      }
    try StandardOutput.write(lines.map { $0 + "\n" }.joined())
  }
}
