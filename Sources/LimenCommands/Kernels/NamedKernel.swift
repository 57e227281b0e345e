/// A kernel's image, and how it was named.
import Findings
import KernelImage
import Subjects

struct NamedKernel {
  /// As the command line, or a witness, names it.
  var name: String
  var image: KernelImage
  /// It was linked from the reference kernel: a failure on its way to the probe is the threshold's.
  var isReference: Bool
  /// The name for files about it.
  var fileName: String
  /// What its page says of it, if it is a specimen or the twin of one.
  var specimen: SpecimenDescription?
  /// Where the file lies from which its names come, the image or another.
  var symbolFile: String?
  /// How far above its place in that file the kernel was linked.
  var symbolOffset: UInt64 = 0

  /// A reference kernel is at the probe after a few million instructions.
  static let referenceBound: UInt64 = 200_000_000

  /// Every kernel that the name stands for: a design without a cell for all of its cells.
  static func all(_ text: String) throws(CommandFailure) -> [NamedKernel] {
    switch try KernelName(text) {
    case .file(let path):
      return [
        NamedKernel(
          name: text, image: try image(at: path, named: path), isReference: false, fileName: lastPart(path),
          symbolFile: path)
      ]
    case .assembly(let path):
      let linked = try ThresholdLink(source: path).linked()
      var image = try image(linked.image, named: path)
      image.sourceLines = linked.withLines.flatMap { SourceLines(bytes: $0, renaming: linked.folders) }
      return [NamedKernel(name: text, image: image, isReference: true, fileName: lastPart(path))]
    case .specimen(let specimen):
      return [try specimen.kernel(in: try ReferenceFolder.find())]
    case .design(let name, let cell):
      let folder = try ReferenceFolder.find()
      return try folder.designs(named: name, cell: cell).map { design throws(CommandFailure) in
        try design.kernel(in: folder)
      }
    }
  }

  /// The one kernel that the name stands for.
  static func one(_ text: String) throws(CommandFailure) -> NamedKernel {
    if case .design(let name, nil) = try KernelName(text) {
      let cells = try ReferenceFolder.find().designs(named: name, cell: nil)
      guard cells.count == 1 else {
        throw CommandFailure(
          .badInput, text, "one kernel is needed here: \(cells.map { "design:\($0.title)" }.joined(separator: ", "))")
      }
    }
    return try all(text)[0]
  }

  /// Every design in every cell.
  static func designs() throws(CommandFailure) -> [NamedKernel] {
    let folder = try ReferenceFolder.find()
    return try folder.designs().map { design throws(CommandFailure) in try design.kernel(in: folder) }
  }

  /// Where the machines are not named, a reference kernel runs wherever it can, and a specimen where its page says.
  var platforms: [PlatformName] { specimen?.platforms ?? (isReference ? PlatformName.running : [.bareMetal]) }

  /// Where the processors are not named: a specimen whose page names parts has those.
  var profiles: [ProfileName] {
    guard let specimen, !specimen.profiles.allSatisfy(ProfileName.plain.contains) else { return ProfileName.plain }
    return specimen.profiles
  }

  /// Where the crossings are not named: all of them, and of a specimen the one that its page names.
  var crossings: [CrossingKind] { specimen.map { [$0.crossing] } ?? CrossingKind.allCases }

  /// Where the postures are not named: of a specimen the one that its page names.
  var postures: [PostureName] { [specimen?.posture ?? "normal"] }

  /// Where neither is named: a design's crossings that go through what it defines, and the way back that has most to look out for, are
  /// taken from every posture; the others from that which sets all flags, as each has a first instruction of its own. A stock kernel's
  /// take minutes.
  func furtherPostures(_ probe: ProbeImage) -> [CrossingKind: [PostureName]] {
    guard isReference && specimen == nil else { return [:] }
    let all: Set<CrossingKind> = [.syscall64, .syscall32, .sysenter, .int80, .sigreturn]
    return Dictionary(
      uniqueKeysWithValues: CrossingKind.allCases.map { crossing in
        (crossing, probe.postures(of: crossing).filter { all.contains(crossing) || $0 == "flags-all" })
      })
  }

  /// Where neither crossings, postures nor depth are named: those whose events nest, from `normal` on bare metal. A design's takes seconds,
  /// a stock kernel's minutes.
  var nestingCrossings: Set<CrossingKind> { isReference && specimen == nil ? [.syscall64] : [] }

  func bound(_ options: BoundOptions) -> UInt64 {
    options.instructions ?? (isReference ? Self.referenceBound : BootSnapshot.standardBound)
  }

  mutating func takeSymbols(of file: String) throws(CommandFailure) {
    let own = image.symbols.lookup("_stext")
    do { try image.takeSymbols(contentsOf: file) } catch { throw Self.refusal(error) }
    symbolFile = file
    if let own, let given = image.symbols.lookup("_stext") { symbolOffset = own &- given }
  }

  /// An image that is no kernel to explore.
  static func image(at path: String) throws(CommandFailure) -> KernelImage { try image(at: path, named: path) }

  private static func image(at path: String, named name: String) throws(CommandFailure) -> KernelImage {
    do { return try KernelImage(contentsOf: path) } catch { throw refusal(error) }
  }

  fileprivate static func image(_ bytes: [UInt8], named name: String) throws(CommandFailure) -> KernelImage {
    do { return try KernelImage(bytes: bytes, name: name) } catch { throw refusal(error) }
  }

  private static func refusal(_ error: ImageError) -> CommandFailure {
    CommandFailure(error.kind == .unsupported ? .unsupported : .badInput, nil, "\(error)")
  }

  private static func lastPart(_ path: String) -> String { path.split(separator: "/").last.map(String.init) ?? path }

  /// One that the build has linked.
  fileprivate static func built(_ name: String, at path: String, fileName: String) throws(CommandFailure) -> NamedKernel
  {
    let bytes: [UInt8]
    do { bytes = try Files.read(path, limit: 1 << 26) } catch {
      throw CommandFailure(.badInput, name, "\(error); \(ReferenceFolder.remedy)")
    }
    return NamedKernel(
      name: name, image: try image(bytes, named: name), isReference: true, fileName: fileName, symbolFile: path)
  }
}

extension Design {
  fileprivate func kernel(in folder: ReferenceFolder) throws(CommandFailure) -> NamedKernel {
    try .built("design:\(title)", at: folder.path("designs/\(fileName).elf"), fileName: fileName)
  }
}

extension Specimen {
  fileprivate func kernel(in folder: ReferenceFolder) throws(CommandFailure) -> NamedKernel {
    let page = try folder.specimen(named: name)
    var kernel = try NamedKernel.built(
      "specimen:\(title)", at: folder.path("specimens/\(fileName).elf"), fileName: fileName)
    kernel.specimen = page
    return kernel
  }
}
