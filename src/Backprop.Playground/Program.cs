using System.Runtime.InteropServices.JavaScript;
using System.Runtime.Versioning;
using Backprop;
[assembly: SupportedOSPlatform("browser")]
namespace Backprop.Playground;
internal static partial class Program
{
    private static void Main() { }
    [JSExport] internal static string Hello() => new Linear<double>(1, 1).Forward(MathNet.Numerics.LinearAlgebra.Vector<double>.Build.Dense(1, 1)).ToString();
}
