/// What Xen keeps of a domain's grant table. The entries themselves are in frames that it shares with the domain.
///
/// Xen `xen/common/grant_table.c`, `struct grant_table`, `struct active_grant_entry`, `struct grant_mapping`;
/// `xen/include/public/grant_table.h`.
///
///     version 1, 8 bytes     flags u16, domid u16, frame u32
///     version 2, 16 bytes    flags u16, domid u16, then   pad u32, frame u64                    a whole page
///                                                         offset u16, length u16, frame u64     GTF_sub_page
///                                                         domid u16, pad u16, reference u32     GTF_transitive
///                            and a u16 in the status frames, for GTF_reading and GTF_writing
public struct GrantTable: Sendable, Codable, Hashable {
  /// gt_version.
  var version: UInt32 = 1
  /// Frames in use; a domain starts with one.
  var frames = 1
  /// Those of the status words; none in version 1.
  var statusFrames = 0
  /// By reference, as far as one was ever in use.
  private var active: [ActiveGrant] = []
  var mappings = GrantMappings()

  /// opt_max_grant_frames.
  static let mostFrames = 64
  static let mostStatusFrames = statusFrames(for: mostFrames)
  /// GNTTAB_NR_RESERVED_ENTRIES: they outlive a change of version.
  static let reservedEntries: UInt32 = 8

  /// grant_to_status_frames.
  static func statusFrames(for frames: Int) -> Int { (frames * 256 + 2047) / 2048 }

  /// nr_grant_entries.
  var entries: UInt32 { UInt32(frames) * 4096 / (version == 1 ? 8 : 16) }

  subscript(reference: UInt32) -> ActiveGrant {
    get { Int(reference) < active.count ? active[Int(reference)] : ActiveGrant() }
    set {
      while active.count <= Int(reference) { active.append(ActiveGrant()) }
      active[Int(reference)] = newValue
    }
  }

  /// Whether a grant that does not outlive a change of version is in use.
  var isPinned: Bool { active.dropFirst(Int(Self.reservedEntries)).contains { $0.pin != 0 } }
}

/// struct active_grant_entry: a grant that is in use is used as it was when that began.
struct ActiveGrant: Sendable, Codable, Hashable {
  /// How often, in four counters of a byte each: GNTPIN_*.
  var pin: UInt32 = 0
  /// Who uses it.
  var domain: UInt16 = 0
  var frame: UInt64 = 0
  /// What of the page is granted.
  var start = 0
  var length = 0
  var isSubPage = false

  var isWritten: Bool { pin & Self.writes != 0 }

  static let hostWrite: UInt32 = 1
  static let hostRead: UInt32 = 1 << 8
  static let deviceWrite: UInt32 = 1 << 16
  static let deviceRead: UInt32 = 1 << 24
  private static let writes = hostWrite * 0xFF | deviceWrite * 0xFF
}

/// The maptrack table: handles of grants that the domain has mapped.
///
/// Handles that are free are a queue, which goes through their own entries: the one that was freed first is given first.
struct GrantMappings: Sendable, Codable, Hashable {
  /// struct grant_mapping.
  struct Mapping: Sendable, Codable, Hashable {
    /// GNTMAP_*; zero where the handle is free.
    var flags: UInt32 = 0
    /// Where the handle is free, the handle behind it in the queue; zero in the last.
    var reference: UInt32 = 0
    var domain: UInt16 = 0
  }

  private(set) var all: [Mapping] = []
  /// maptrack_head and maptrack_tail. The last is never given: the queue has an end to which the next can be added.
  private var first = 0
  private var last = 0

  /// MAPTRACK_PER_PAGE, opt_max_maptrack_frames.
  private static let perFrame = 256
  private static let mostFrames = 1024

  subscript(handle: UInt32) -> Mapping {
    get { Int(handle) < all.count ? all[Int(handle)] : Mapping() }
    set { all[Int(handle)] = newValue }
  }

  /// get_maptrack_handle; nil where there are none left.
  mutating func take() -> UInt32? {
    if first == last {
      guard all.count < Self.perFrame * Self.mostFrames else { return nil }
      addFrame()
    }
    let handle = first
    first = Int(all[handle].reference)
    all[handle] = Mapping()
    return UInt32(handle)
  }

  /// The handles of one more frame come before the one that is left.
  private mutating func addFrame() {
    let added = all.count
    all += (1...Self.perFrame).map { Mapping(reference: UInt32(added + $0)) }
    let end = all.count - 1
    if added == 0 {
      all[end] = Mapping()
      last = end
    } else {
      all[end].reference = UInt32(first)
    }
    first = added
  }

  /// put_maptrack_handle.
  mutating func put(_ handle: UInt32) {
    self[handle] = Mapping()
    all[last].reference = handle
    last = Int(handle)
  }
}

/// GNTST_*.
enum GrantStatus: Int16, Error {
  case okay = 0
  case generalError = -1
  case badDomain = -2
  case badReference = -3
  case badHandle = -4
  case badVirtualAddress = -5
  case badDeviceAddress = -6
  case permissionDenied = -8
  case badPage = -9
  case badCopyArgument = -10
  case again = -12
  case noSpace = -13

  var bits: UInt16 { UInt16(bitPattern: rawValue) }
}

/// GTF_*: what a grant's flags say.
enum GrantFlags {
  static let permitAccess: UInt16 = 1
  static let transitive: UInt16 = 3
  static let typeMask: UInt16 = 3
  static let readOnly: UInt16 = 1 << 2
  static let reading: UInt16 = 1 << 3
  static let writing: UInt16 = 1 << 4
  static let subPage: UInt16 = 1 << 8
}

/// GNTMAP_*: how a grant is mapped.
enum GrantMap {
  static let device: UInt32 = 1 << 0
  static let host: UInt32 = 1 << 1
  static let readOnly: UInt32 = 1 << 2
  static let application: UInt32 = 1 << 3
  static let containsEntry: UInt32 = 1 << 4
  /// The lowest of three bits for the guest's own use.
  static let available: UInt32 = 16
}
