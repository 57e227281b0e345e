import Foundation

/// What a test reads of `limen trace --format json`; Documentation/Formats.md has it all.
struct LimenTrace: Decodable {
  struct Location: Decodable {
    let address: Word
    let symbol: String?
    let offset: Int?
  }

  struct Delivery: Decodable {
    let bounce: String?
    let injected: Bool
    let frame: Word
    let words: [Word]
  }

  struct Step: Decodable {
    let boundary: Int
    let location: Location
    let mode: String?
    let interruptsEnabled: Bool
    let rsp: Word
    let rspOwner: String
    let delivery: Delivery?

    var isKernel: Bool { mode == "kernel" }
    /// Where the user's stack pointer, or none at all, is in RSP.
    var isInWindow: Bool { isKernel && rspOwner != "kernel" }
    var place: String { location.symbol.map { "\($0)+\(location.offset ?? 0)" } ?? "\(location.address)" }
  }

  struct End: Decodable {
    let kind: String
    let detail: String?
  }

  /// A JSON string of hexadecimal digits.
  struct Word: Decodable, CustomStringConvertible {
    let value: UInt64

    init(from decoder: any Decoder) throws {
      let text = try decoder.singleValueContainer().decode(String.self)
      guard text.hasPrefix("0x"), let value = UInt64(text.dropFirst(2), radix: 16) else {
        throw ProgramFailure(description: "no word: \(text)")
      }
      self.value = value
    }

    var description: String { "0x" + String(value, radix: 16) }
  }

  let steps: [Step]
  let end: End

  var kernelSteps: [Step] { steps.filter(\.isKernel) }
  var window: [Step] { steps.filter(\.isInWindow) }

  /// The crossing of a PV guest, with an NMI at one boundary or without.
  static func of(
    _ kernel: String, crossing: String, posture: String, profile: String, nmiAt boundary: Int? = nil,
    by limen: LimenProgram
  ) throws -> LimenTrace {
    var arguments = ["trace", kernel, "--platform", "xen-pv", "--profile", profile, "--crossing", crossing]
    arguments += ["--posture", posture, "--format", "json"]
    if let boundary { arguments += ["--inject", "\(boundary):nmi-callback"] }
    let ended = try limen.start(arguments).ended()
    // Status 1: the run ended with the kernel's death, which the trace says.
    guard ended.status == 0 || ended.status == 1 else { throw ProgramFailure(description: "limen: \(ended.complaint)") }
    return try JSONDecoder().decode(LimenTrace.self, from: Data(ended.output.utf8))
  }
}
