// An echo server with .NET: `dotnet run -- PORT` in a project of `dotnet new console`. It ends when
// stdin closes.
using System.Net;
using System.Net.Sockets;

var listener = new TcpListener(IPAddress.Loopback, int.Parse(args[0]));
listener.Start(4096);
_ = AcceptAsync();
Console.WriteLine($"ready port={((IPEndPoint)listener.LocalEndpoint).Port}");
Console.In.ReadToEnd();

async Task AcceptAsync()
{
    while (true)
        _ = EchoAsync(await listener.AcceptSocketAsync());
}

static async Task EchoAsync(Socket client)
{
    using (client)
    {
        client.NoDelay = true;
        var buffer = new byte[16384];
        try
        {
            int received;
            while ((received = await client.ReceiveAsync(buffer.AsMemory())) > 0)
                for (int sent = 0; sent < received;)
                    sent += await client.SendAsync(buffer.AsMemory(sent, received - sent));
        }
        catch (SocketException)
        {
            // the client left
        }
    }
}
