/// The probe as an ELF file: where it crosses, what it calls its crossings and postures, which pairs make sense.
///
/// `Probe/README.md` is the protocol. Everything is read from the file's symbols; there is no second list.
import Findings
import KernelImage

public struct ProbeImage: Sendable {
  public let bytes: [UInt8]
  /// Those that it makes itself, and behind them those that it is helped to.
  public let crossings: [String]
  /// Those that it sets up itself, and behind them those that it is helped to.
  public let postures: [PostureName]
  private let ownPostures: Int
  private let symbols: SymbolTable
  /// By crossing and posture, whether the pair makes sense.
  private let pairs: [UInt8]

  public enum Refusal: Error, CustomStringConvertible {
    case missing(symbol: String)
    case unreadable(table: String)
    case unmapped(symbol: String)

    public var description: String {
      switch self {
      case .missing(let symbol): "the probe has no symbol \(symbol)"
      case .unreadable(let table): "the probe's table \(table) lies outside its segments"
      case .unmapped(let symbol): "the probe's \(symbol) is not mapped where the probe waits"
      }
    }
  }

  public init(bytes: [UInt8]) throws {
    self.bytes = bytes
    let image = try KernelImage(bytes: bytes, name: "probe.elf")
    symbols = image.symbols
    let made = try Self.names("limen_crossing_names", image)
    let helped = CrossingKind.allCases.filter { made.contains(FurtherCrossing.given($0).rawValue) }.map(\.rawValue)
    crossings = made + helped.filter { !made.contains($0) }
    let own = try Self.names("limen_posture_names", image).map { PostureName(rawValue: $0) }
    ownPostures = own.count
    postures = own + FurtherPosture.allCases.map(\.name)
    let table = "limen_applicable"
    guard let start = image.symbols.lookup(table) else { throw Refusal.missing(symbol: table) }
    guard let pairs = image.contents(virtualAddress: start, count: made.count * own.count) else {
      throw Refusal.unreadable(table: table)
    }
    self.pairs = [UInt8](pairs)
  }

  /// Address of a label; throws where the probe has none.
  public func address(_ symbol: String) throws(Refusal) -> UInt64 {
    guard let address = symbols.lookup(symbol) else { throw .missing(symbol: symbol) }
    return address
  }

  /// Address of the instruction that leaves user mode.
  public func crossingAddress(_ crossing: CrossingKind, posture: PostureName) throws(Refusal) -> UInt64 {
    if posture == "code-top", let top = symbols.lookup("limen_top_\(crossing.rawValue)") {
      return top
    }
    return try address("limen_crossing_\(crossing.rawValue)")
  }

  /// The postures from which a crossing makes sense, whatever the machine can do of them.
  package func postures(of crossing: CrossingKind) -> [PostureName] {
    postures.filter { posture in
      if let further = FurtherPosture(posture) { return further.makesSense(for: crossing) }
      return place(of: crossing, from: posture).map { pairs[$0] != 0 } ?? false
    }
  }

  /// Where in its table a pair of its own stands.
  func place(of crossing: CrossingKind, from posture: PostureName) -> Int? {
    let given = FurtherCrossing.given(crossing).rawValue
    guard let row = crossings.firstIndex(of: given), let column = postures.firstIndex(of: posture),
      column < ownPostures
    else { return nil }
    return row * ownPostures + column
  }

  /// The first instructions of its signal handlers.
  package var signalHandlers: Set<UInt64> {
    let names =
      ["ud", "bp", "db", "de", "gp", "pf"].map { "limen_crossed_\($0)" } + [
        "limen_signalled_bus", "limen_signalled_alarm",
      ]
    return Set(names.compactMap(symbols.lookup))
  }

  /// A table of pointers to NUL-terminated names, ended by 0.
  private static func names(_ table: String, _ image: KernelImage) throws -> [String] {
    guard let start = image.symbols.lookup(table) else { throw Refusal.missing(symbol: table) }
    var result: [String] = []
    while result.count < 256 {
      guard let pointer = image.contents(virtualAddress: start + UInt64(result.count) * 8, count: 8) else {
        throw Refusal.unreadable(table: table)
      }
      let address = pointer.reversed().reduce(0) { $0 << 8 | UInt64($1) }
      if address == 0 { return result }
      var name: [UInt8] = []
      while let byte = image.contents(virtualAddress: address + UInt64(name.count), count: 1)?.first, byte != 0 {
        name.append(byte)
      }
      result.append(String(decoding: name, as: UTF8.self))
    }
    throw Refusal.unreadable(table: table)
  }
}
