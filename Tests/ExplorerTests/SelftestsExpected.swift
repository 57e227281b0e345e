import Foundation

/// The kernel's x86 selftests and the exit status that real processors of each vendor give: `Selftests.expected`, beside
/// this file, which `Scripts/selftests.sh` reads too.
struct SelftestExpectation: Equatable {
  let program: String
  /// By the profile's name.
  let status: [String: Int]

  static let profiles = ["intel", "amd"]

  static func all() throws -> [Self] {
    let url = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Selftests.expected")
    return try String(contentsOf: url, encoding: .utf8).split(separator: "\n").filter { !$0.hasPrefix("#") }.map {
      line in
      let fields = line.split(separator: " ").map(String.init)
      guard fields.count == 3, let intel = Int(fields[1]), let amd = Int(fields[2]) else {
        throw ProgramFailure(description: "Selftests.expected: not a program and two statuses: \(line)")
      }
      return Self(program: fields[0], status: ["intel": intel, "amd": amd])
    }
  }
}
