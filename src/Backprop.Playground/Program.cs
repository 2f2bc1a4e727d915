using System.Runtime.Versioning;

[assembly: SupportedOSPlatform("browser")]

namespace Backprop.Playground;

/// <summary>The library in a page. All that happens is that the page calls <see cref="Interop"/>.</summary>
internal static class Program
{
    private static void Main() { }
}
