/// Puts a kernel into memory, with what its boot protocol promises it, and the processor at its entry point.
import Machine

extension BareMetalComputer {
  /// A part of a kernel: its bytes, and its size in memory, where the rest is zero.
  public struct Segment {
    public var address: UInt64
    public var bytes: ArraySlice<UInt8>
    public var memorySize: UInt64
    public init(address: UInt64, bytes: ArraySlice<UInt8>, memorySize: UInt64) {
      self.address = address
      self.bytes = bytes
      self.memorySize = memorySize
    }
  }

  /// A file that a multiboot kernel finds in memory, and the words that go with it.
  public struct Module {
    public var bytes: [UInt8]
    public var words: String
    public init(bytes: [UInt8], words: String = "") {
      self.bytes = bytes
      self.words = words
    }
  }

  /// Starts a kernel at its PVH entry point.
  public func start(segments: [Segment], entry: UInt32, initrd: [UInt8], commandLine: String) throws(StartRefusal) {
    let end = try checked(segments)
    let layout = try PVHStart.layout(
      kernelEnd: end, initrdSize: UInt64(initrd.count), commandLine: commandLine, memorySize: memorySize)
    place(segments, layout.writes)
    if let address = layout.initrdAddress { processor.writePhysical(initrd, at: address) }
    processor.startProtected(entry: entry, ebx: layout.startInfoAddress)
  }

  /// Starts a kernel as a multiboot loader does.
  public func startMultiboot(segments: [Segment], entry: UInt32, modules: [Module], commandLine: String)
    throws(StartRefusal)
  {
    let end = try checked(segments)
    for segment in segments where segment.memorySize > 0 {
      let range = segment.address..<segment.address + segment.memorySize
      if range.lowerBound < BIOSDataArea.end || range.overlaps(BIOSDataArea.extended..<0xA_0000) {
        throw .segmentInFirmwareData(address: segment.address, size: segment.memorySize)
      }
    }
    let layout = try MultibootStart.layout(
      kernelEnd: end, modules: modules.map { .init(size: UInt64($0.bytes.count), words: $0.words) },
      commandLine: commandLine, memorySize: memorySize)
    place(segments, layout.writes + (board.hasLocalAPIC ? ACPITables.writes() : []))
    for (module, address) in zip(modules, layout.moduleAddresses) {
      processor.writePhysical(module.bytes, at: address)
    }
    processor.startProtected(entry: entry, eax: MultibootStart.magic, ebx: layout.informationAddress)
  }

  private var memorySize: UInt64 { UInt64(processor.memory.size) }

  /// The first address behind all segments, which fit and do not overlap.
  private func checked(_ segments: [Segment]) throws(StartRefusal) -> UInt64 {
    let sorted = segments.filter { $0.memorySize > 0 }.sorted { $0.address < $1.address }
    for segment in sorted {
      guard segment.address <= memorySize, segment.memorySize <= memorySize - segment.address else {
        throw .segmentOutsideMemory(address: segment.address, size: segment.memorySize, memorySize: memorySize)
      }
    }
    for (first, second) in zip(sorted, sorted.dropFirst()) where first.address + first.memorySize > second.address {
      throw .segmentsOverlap(first: first.address, second: second.address)
    }
    return sorted.last.map { $0.address + $0.memorySize } ?? 0
  }

  private func place(_ segments: [Segment], _ writes: [PhysicalWrite]) {
    for segment in segments where segment.memorySize > 0 { processor.writePhysical(segment.bytes, at: segment.address) }
    for write in writes { processor.writePhysical(write.bytes, at: write.address) }
  }
}
