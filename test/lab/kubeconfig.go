// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// renderKubeconfig is a kubeconfig for one user of the lab's API server.
func renderKubeconfig(server string, ca []byte, id identity) ([]byte, error) {
	config := clientcmdapi.NewConfig()
	config.Clusters["lab"] = &clientcmdapi.Cluster{Server: server, CertificateAuthorityData: ca}
	config.AuthInfos["lab"] = &clientcmdapi.AuthInfo{ClientCertificateData: id.cert, ClientKeyData: id.key}
	config.Contexts["lab"] = &clientcmdapi.Context{Cluster: "lab", AuthInfo: "lab"}
	config.CurrentContext = "lab"
	return clientcmd.Write(*config)
}

// writeKubeconfig writes the kubeconfig of a user whose identity is kept under name.
func writeKubeconfig(p *pki, file, name string, s subject) error {
	id, err := p.identity(name, s)
	if err != nil {
		return err
	}
	content, err := renderKubeconfig(apiServerURL(), p.ca.pem, id)
	if err != nil {
		return err
	}
	return writeFile(file, content, 0o600)
}
