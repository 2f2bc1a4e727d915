namespace Backprop.Kernels;

/// <summary>Work that can be done in independent parts, each giving the same bits on whichever thread it runs.</summary>
internal interface IParts
{
    /// <summary>Does one part.</summary>
    void Run(int part, int parts);
}
