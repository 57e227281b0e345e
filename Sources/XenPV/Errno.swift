/// The errors that hypercalls return, as negative numbers, by the names of Xen's `xen/include/public/errno.h`.
// swift-format-ignore: AlwaysUseLowerCamelCase
public struct Errno: Error, Hashable, Sendable {
  /// Positive, as the header has it.
  public var rawValue: Int64
  public init(_ rawValue: Int64) { self.rawValue = rawValue }

  public static let EPERM = Errno(1)
  public static let ENOENT = Errno(2)
  public static let ESRCH = Errno(3)
  public static let EIO = Errno(5)
  public static let ENXIO = Errno(6)
  public static let E2BIG = Errno(7)
  public static let EAGAIN = Errno(11)
  public static let ENOMEM = Errno(12)
  public static let EACCES = Errno(13)
  public static let EFAULT = Errno(14)
  public static let EBUSY = Errno(16)
  public static let EEXIST = Errno(17)
  public static let ENODEV = Errno(19)
  public static let EINVAL = Errno(22)
  public static let EDOM = Errno(33)
  public static let ENOSPC = Errno(28)
  public static let ERANGE = Errno(34)
  public static let ENOSYS = Errno(38)
  public static let ENODATA = Errno(61)
  public static let EOVERFLOW = Errno(75)
  public static let EOPNOTSUPP = Errno(95)
  public static let ETIME = Errno(62)
}
