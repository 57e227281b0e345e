/// How an image is started on bare metal: by which boot protocol, what is placed where, and where it is entered.
/// Xen `docs/misc/pvh.pandoc`, "Notes on the PVH entry point"; Multiboot Specification version 0.6.96, "OS image format".

/// How a kernel is handed the machine.
public enum BootProtocol: Sendable, Equatable {
  /// Xen's PVH: an ELF note names the entry point.
  case pvh
  /// Multiboot version 1: a header in the image's first 8192 bytes asks for it.
  case multiboot
}

/// What a loader does with an image on bare metal.
public struct ImagePlacement: Sendable {
  public let bootProtocol: BootProtocol
  /// Physical addresses; in the order of the file.
  public let segments: [KernelImage.LoadSegment]
  /// A physical address inside one of the segments.
  public let entry: UInt32
}

extension KernelImage {
  /// How the image is started on bare metal; nil when it offers no way. The PVH entry point is taken first.
  public var bootProtocol: BootProtocol? { pvhEntry != nil ? .pvh : multiboot != nil ? .multiboot : nil }

  /// What is placed where to start the image on bare metal; nil when it offers no way.
  public func placement() throws(ImageError) -> ImagePlacement? {
    if let pvhEntry {
      guard loadSegments.contains(where: { $0.physicalRange.contains(UInt64(pvhEntry)) }) else {
        throw image.malformed(
          at: notes.first { $0.isPVHEntry }?.offset ?? 0, "the PVH entry \(hex(pvhEntry)) lies in no segment")
      }
      return ImagePlacement(bootProtocol: .pvh, segments: loadSegments, entry: pvhEntry)
    }
    return try multiboot.map { header throws(ImageError) in try placement(header) }
  }

  private func placement(_ header: MultibootHeader) throws(ImageError) -> ImagePlacement {
    typealias Flag = MultibootHeader.Flag
    if header.flags & Flag.videoMode != 0 {
      throw image.unsupported(
        at: header.offset + 4, "the multiboot header asks for a video mode, and there is no display")
    }
    let known = Flag.alignModules | Flag.memoryInformation
    guard header.flags & Flag.required & ~known == 0 else {
      throw image.unsupported(
        at: header.offset + 4, "the multiboot header's flags \(hex(header.flags)) ask for what is not known")
    }
    if header.hasAddresses {
      let segment = try header.segment(in: image)
      let entry = try header.addresses(in: image).entry
      guard segment.physicalRange.contains(UInt64(entry)) else {
        throw image.malformed(at: header.offset + 28, "entry_addr \(hex(entry)) lies outside what is loaded")
      }
      return ImagePlacement(bootProtocol: .multiboot, segments: [segment], entry: entry)
    }
    guard let elf else {
      throw image.malformed(
        at: header.offset + 4, "a multiboot header without address fields in an image that is no ELF file")
    }
    guard let entry = physicalEntry(elf.entry), let narrow = UInt32(exactly: entry) else {
      throw image.malformed(
        at: ELFClass.Header.entry, "the entry \(hex(elf.entry)) lies in no segment below 4 GiB of physical memory")
    }
    return ImagePlacement(bootProtocol: .multiboot, segments: loadSegments, entry: narrow)
  }

  /// e_entry is an address of the linked kernel, and paging is off when it is entered: what counts is where its segment is
  /// placed. Some kernels write the physical address there.
  private func physicalEntry(_ entry: UInt64) -> UInt64? {
    if let segment = loadSegments.first(where: { $0.virtualRange.contains(entry) }) {
      return segment.physicalAddress + (entry - segment.virtualAddress)
    }
    return loadSegments.contains { $0.physicalRange.contains(entry) } ? entry : nil
  }
}
