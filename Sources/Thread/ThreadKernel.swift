/// A kernel that takes part in the answers: a design of the reference kernel, or a real kernel beside them.
import Findings
import KernelImage

public struct ThreadKernel: Sendable {
  /// `2015`, `enter-later:before-masked`; of a real kernel the file's name.
  public var title: String
  /// As the command line names it.
  public var name: String
  public var image: KernelImage
  public var isDesign: Bool
  public var bootBound: UInt64

  public init(title: String, name: String, image: KernelImage, isDesign: Bool, bootBound: UInt64) {
    self.title = title
    self.name = name
    self.image = image
    self.isDesign = isDesign
    self.bootBound = bootBound
  }
}
